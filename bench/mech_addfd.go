package bench

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// addfd is the one stock way to make a pointer argument race-free: the
// supervisor opens the file itself, from the bytes it read, and ADDFD with
// FLAG_SEND installs the descriptor and answers in one step (5.14).
var _ = register(&Mechanism{
	Name:    "addfd",
	Rank:    70,
	Doc:     "listener: the supervisor opens the file itself, ADDFD with SEND (openat only)",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Unable: func(c *Case) string {
		if c.Syscall != "openat" {
			return "only a call whose whole effect is a new descriptor can be replaced by one"
		}
		return ""
	},
	Serve: func(s *supervisor) error {
		return s.serve(func(n *abi.Notif) error {
			path, err := s.inspect(n)
			if err != nil {
				return err
			}
			// inspect left room behind the path for its NUL.
			path = append(path, 0)
			fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(n.Data.Args[0]), uintptr(unsafe.Pointer(&path[0])),
				uintptr(n.Data.Args[2]), uintptr(n.Data.Args[3]), 0, 0)
			if e != 0 {
				return fmt.Errorf("open %q for the target: %w", path, e)
			}
			s.addfd = abi.NotifAddFD{
				ID:         n.ID,
				Flags:      abi.SECCOMP_ADDFD_FLAG_SEND,
				SrcFD:      uint32(fd),
				NewFDFlags: uint32(n.Data.Args[2]) & unix.O_CLOEXEC,
			}
			_, e = s.listener.AddFD(&s.addfd)
			unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
			if e != 0 && e != unix.ENOENT {
				return fmt.Errorf("addfd with send: %w", e)
			}
			return nil
		})
	},
})
