package bench

import (
	"unsafe"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// inject attaches the call that was approved to the notification, with a copy
// of the memory that was read, and commits it with SEND: the target runs that
// one, and its own memory is not read again.
var _ = register(&Mechanism{
	Name:    "inject",
	Rank:    80,
	Doc:     "listener: read, INJECT the approved call, SEND with INJECTED",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Needs:   []notify.Feature{notify.FeatureInject},
	Unable: func(c *Case) string {
		switch c.Syscall {
		case "openat", "bind", "write":
			return ""
		}
		return "INJECT can substitute openat, bind and write only"
	},
	Serve: func(s *supervisor) error {
		return s.serve(func(n *abi.Notif) error {
			got, err := s.approve(n)
			if err != nil {
				return err
			}
			s.inject = abi.NotifInject{
				ID: n.ID, Nr: uint64(n.Data.Nr), Args: n.Data.Args,
				Buf: addressOf(got), BufSize: uint32(len(got)), ArgsInBufMask: 1 << s.pointer,
			}
			s.inject.Args[s.pointer] = 0 // the buffer's start
			if err := answered(s.listener.Inject(&s.inject), "inject the call"); err != nil {
				return err
			}
			s.resp = abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED}
			return s.send()
		})
	},
})

// addressOf is where b lies. The supervisor's buffer outlives every call.
func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
