package model

import "syscall"

// Tasks is how many can be trapped at once.
const Tasks = 2

// Features are what a kernel, and the listener's filter, can do.
type Features uint8

const (
	Inject Features = 1 << iota
	TargetCall
	Pins     // PIN_INSTALL and SEND_REDIRECT
	Redirect // the filter has SECCOMP_FILTER_FLAG_REDIRECT
	Event    // the exec event
	Killable // the filter has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
)

// Everything is what a kernel with the whole series can do, and a filter with each flag of it.
const Everything = Inject | TargetCall | Pins | Redirect | Event | Killable

// Has reports whether all of what are there.
func (f Features) Has(what Features) bool { return f&what == what }

// State is all that the answers depend on. The zero value, with its Features,
// is a listener that has trapped nothing yet. It can be compared.
type State struct {
	Features Features
	Tasks    [Tasks]Task
	// Next is the number of the notification that comes next: they are counted
	// from 0, as their ids are from a number that chance picks.
	Next int32
	// Requests is how often RECV does not wait: a notification counts once,
	// also when it is gone before it was received.
	Requests int32
	// Pinned is whether there is a pin where redirects point to, in the memory that
	// tasks share.
	Pinned bool
	// Apart are the tasks that have filters of their own, which the others do not have.
	Apart [Tasks]bool
	// Killed is set once the target is dead or, while Racing, about to die; Closed
	// once the listener is closed.
	Killed, Closed bool
	// Execed is set once a call of Program has succeeded: the target is one task in a
	// new program, which ends as soon as its exec event does.
	Execed bool
	// Racing is set for the time in which several operations are under way. A
	// notification with an answer is then there for a while.
	Racing bool
}

// Phase is where a task is with its call.
type Phase uint8

const (
	Idle       Phase = iota
	Init             // it has trapped, nobody has received that
	Sent             // received
	Armed            // received, and a substitute for the call is attached
	Leaving          // the call has its result, but may not have returned
	Restarting       // a signal has ended the wait, and the call is to be made again
)

// Task is one that the listener's filter is on.
type Task struct {
	Phase Phase
	Call  Call
	ID    int32 // of its notification, of which the last is remembered
	// Good is, of Armed, whether the substitute will do, and of Leaving whether all
	// that the call does is done.
	Good   bool
	Result Result // of Leaving
	// Child is whether it is a child of the task that is in the call, with memory of its
	// own: then Pinned is that of State, for that.
	Child, Pinned bool
}

// open reports whether a notification waits for an answer.
func (t *Task) open() bool { return t.Phase == Sent || t.Phase == Armed }

// Kind is what a Result is.
type Kind uint8

const (
	None  Kind = iota
	Value      // a number
	Errno      // an error
	File       // a descriptor of a file, whose content begins with a byte
	Wrote      // one byte was written
	Ppid       // the process id of the target's parent
	Lost       // a descriptor, of a target that is dead
	Died       // nothing: the target died in the call, which may have written a byte
)

// Result is what a call returned, or gave where it ran.
type Result struct {
	Kind Kind
	Val  int32 // of Value and Errno
	Byte byte  // of File, Wrote and Died
}

// Whose byte it is.
const (
	Own        = 'a' // what the caller's own arguments name
	Substitute = 'b' // what the supervisor wants instead
	Given      = 's' // the descriptor that ADDFD gives
)

// ReplyValue is what a supervisor answers with that answers with a value: no
// descriptor has that number.
const ReplyValue = 424242

func errno(e syscall.Errno) Result { return Result{Kind: Errno, Val: int32(e)} }

// Call is what a task is told to do.
type Call uint8

const (
	Getppid Call = iota
	Openat       // of a file that holds Own
	Write        // one byte, Own
	Bind         // of a socket to where no directory is, and by the supervisor to one that is
	Execve       // of what is not there
	Program      // execve of a program that ends at once
	Calls
)

// Execed is what RECV returns of an exec event: no call that traps.
const Execed = Calls + 1

// own is what a call gives that runs as it is.
func (c Call) own() Result {
	switch c {
	case Openat:
		return Result{Kind: File, Byte: Own}
	case Write:
		return Result{Kind: Wrote, Byte: Own}
	case Bind, Execve:
		return errno(syscall.ENOENT)
	case Program:
		return Result{} // see State.exec
	}
	return Result{Kind: Ppid}
}

// substitute is what a call gives that runs with the supervisor's memory.
func (c Call) substitute() Result {
	switch c {
	case Program:
		return errno(syscall.EFAULT) // what is no list of arguments
	case Bind:
		return errno(syscall.EADDRINUSE)
	}
	r := c.own()
	if r.Byte == Own {
		r.Byte = Substitute
	}
	return r
}

// find is the task whose notification has an id.
func (s *State) find(id int32) *Task {
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.Phase != Idle && t.ID == id {
			return t
		}
	}
	return nil
}

// oldest is the task whose notification RECV returns.
func (s *State) oldest() (i int, ok bool) {
	for at := range s.Tasks {
		if t := &s.Tasks[at]; t.Phase == Init && (!ok || t.ID < s.Tasks[i].ID) {
			i, ok = at, true
		}
	}
	return i, ok
}
