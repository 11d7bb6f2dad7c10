package model

import "syscall"

// pinned is whether there is a pin in a task's memory.
func (s *State) pinned(t *Task) *bool {
	if t.Child {
		return &t.Pinned
	}
	return &s.Pinned
}

// mapping is what the target is told that does something to where redirects point to: a
// pin stays as it is, and without one there is nothing.
func (s *State) mapping(how uint8) syscall.Errno {
	switch {
	case s.Pinned && how == MapDiscard:
		return 0 // the file still has it
	case s.Pinned && how == MapWritable:
		return syscall.EACCES
	case s.Pinned:
		return syscall.EPERM
	case how == MapUnmap:
		return 0
	case how == MapMove:
		return syscall.EFAULT
	}
	return syscall.ENOMEM
}

// sealed is what the supervisor is told of the memory of its pins. That was sealed
// against what can come later, and its own mapping may be written to.
func sealed(how uint8) syscall.Errno {
	if how == MemorySeal {
		return syscall.EBUSY
	}
	return syscall.EPERM
}
