package suite

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const (
	srcUAPI  = "uapi.md"
	srcStock = "uapi.md, Stock; include/uapi/linux/seccomp.h"
)

var _ = add(
	Check{ID: "wire.sizes", Level: Must, Source: srcStock,
		Doc: "SECCOMP_GET_NOTIF_SIZES gives the sizes of the three stock structs, and refuses flags",
		run: func(t *T) {
			var s abi.NotifSizes
			get := func(flags uintptr, p unsafe.Pointer) unix.Errno {
				_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, abi.SECCOMP_GET_NOTIF_SIZES, flags, uintptr(p))
				return e
			}
			e := get(0, unsafe.Pointer(&s))
			if e == unix.ENOSYS {
				t.Absent("seccomp(2)")
			}
			t.must(e, "SECCOMP_GET_NOTIF_SIZES")
			if want := (abi.NotifSizes{Notif: abi.SizeofNotif, NotifResp: abi.SizeofNotifResp, Data: abi.SizeofData}); s != want {
				t.Errorf("sizes %+v, want %+v", s, want)
			}
			t.errno("with a flag", get(1, unsafe.Pointer(&s)), unix.EINVAL)
			t.errno("to an address that nobody has", get(0, nil), unix.EFAULT)
		}},
	Check{ID: "wire.ioctl-numbers", Level: Must, Source: srcUAPI + ", every table of it",
		Doc: "every ioctl number is what its direction, size and place come to",
		run: func(t *T) {
			// As _IOC of asm-generic/ioctl.h computes it, from the sizes that
			// the compiler gives the structs.
			const r, w = 2, 1
			num := func(dir, nr, size uintptr) uintptr { return dir<<30 | size<<16 | '!'<<8 | nr }
			for _, n := range []struct {
				name      string
				got, want uintptr
			}{
				{"NOTIF_RECV", abi.SECCOMP_IOCTL_NOTIF_RECV, num(r|w, 0, unsafe.Sizeof(abi.Notif{}))},
				{"NOTIF_SEND", abi.SECCOMP_IOCTL_NOTIF_SEND, num(r|w, 1, unsafe.Sizeof(abi.NotifResp{}))},
				{"NOTIF_ID_VALID", abi.SECCOMP_IOCTL_NOTIF_ID_VALID, num(w, 2, 8)},
				{"NOTIF_ID_VALID_WRONG_DIR", abi.SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR, num(r, 2, 8)},
				{"NOTIF_ADDFD", abi.SECCOMP_IOCTL_NOTIF_ADDFD, num(w, 3, unsafe.Sizeof(abi.NotifAddFD{}))},
				{"NOTIF_SET_FLAGS", abi.SECCOMP_IOCTL_NOTIF_SET_FLAGS, num(w, 4, 8)},
				{"NOTIF_INJECT", abi.SECCOMP_IOCTL_NOTIF_INJECT, num(w, 5, unsafe.Sizeof(abi.NotifInject{}))},
				{"NOTIF_PIN_INSTALL", abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL, num(r|w, 5, unsafe.Sizeof(abi.NotifPinInstall{}))},
				{"NOTIF_SEND_REDIRECT", abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT, num(w, 6, unsafe.Sizeof(abi.NotifRespRedirect{}))},
				{"NOTIF_TARGET_CALL", abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL, num(r|w, 7, unsafe.Sizeof(abi.NotifTargetCall{}))},
			} {
				if n.got != n.want {
					t.Errorf("%s is %#x, want %#x", n.name, n.got, n.want)
				}
			}
		}},
	Check{ID: "wire.unknown-ioctl", Level: Must, Source: srcStock,
		Doc: "an ioctl that no kernel has is EINVAL, whatever its argument, and disturbs nothing",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			for nr := uintptr(8); nr < 256; nr += 31 {
				for _, dir := range []uintptr{0, 1, 2, 3} {
					t.errno("unknown ioctl", c.raw(dir<<30|8<<16|'!'<<8|nr, unsafe.Pointer(&n.ID)), unix.EINVAL)
				}
			}
			// Right number, wrong type, size or direction.
			for _, req := range []uintptr{
				abi.SECCOMP_IOCTL_NOTIF_SEND &^ 0xff00, abi.SECCOMP_IOCTL_NOTIF_SEND + 8<<16,
				abi.SECCOMP_IOCTL_NOTIF_RECV - 8<<16, abi.SECCOMP_IOCTL_NOTIF_SEND &^ (1 << 30),
				abi.SECCOMP_IOCTL_NOTIF_INJECT - 8<<16, abi.SECCOMP_IOCTL_NOTIF_INJECT | 2<<30,
				abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT - 8<<16, abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL &^ (1 << 30),
			} {
				t.errno("an ioctl that is nearly one", c.raw(req, unsafe.Pointer(&n)), unix.EINVAL)
			}
			c.pends(n.ID, "unknown ioctls")
			c.answer(n.ID, 7)
		}},
	Check{ID: "wire.addfd-longer", Level: Must, Source: "kernel/seccomp.c, seccomp_notify_addfd: copy_struct_from_user",
		Doc: "a newer and longer ADDFD struct is taken as long as what is new is zero, else E2BIG; a shorter one is EINVAL",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			long := struct {
				abi.NotifAddFD
				more [2]uint64
			}{NotifAddFD: abi.NotifAddFD{ID: n.ID, SrcFD: 2}, more: [2]uint64{0, 1}}
			req := uintptr(abi.SECCOMP_IOCTL_NOTIF_ADDFD)
			t.errno("with news", c.raw(req+16<<16, unsafe.Pointer(&long)), unix.E2BIG)
			t.errno("too short", c.raw(req-8<<16, unsafe.Pointer(&long)), unix.EINVAL)
			long.more = [2]uint64{}
			r, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(c.FD), req+16<<16, uintptr(unsafe.Pointer(&long)))
			t.errno("longer, and zero", e, 0)
			c.answer(n.ID, 1)
			if e == 0 {
				if got := c.do(unix.SYS_FCNTL, uint64(r), unix.F_GETFD); got != 0 {
					t.Errorf("the target has no descriptor %d: fcntl gives %d", r, got)
				}
			}
		}},
	Check{ID: "wire.has-is-clear", Level: Must, Source: srcUAPI + ": a kernel without an ioctl says EINVAL",
		Doc: "asked for each proposed mechanism, the kernel answers clearly, and twice the same",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for _, f := range notify.Features() {
				has, err := c.Has(f)
				again, err2 := c.Has(f)
				if err != nil || err2 != nil || has != again {
					t.Errorf("%v: %v (%v), then %v (%v)", f, has, err, again, err2)
				}
				t.Logf("%v: %v", f, has)
			}
		}},
)
