package suite

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
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
			t.must(get(0, unsafe.Pointer(&s)), "SECCOMP_GET_NOTIF_SIZES")
			if want := (abi.NotifSizes{Notif: abi.SizeofNotif, NotifResp: abi.SizeofNotifResp, Data: abi.SizeofData}); s != want {
				t.Errorf("sizes %+v, want %+v", s, want)
			}
			t.errno("with a flag", get(1, unsafe.Pointer(&s)), unix.EINVAL)
			t.errno("to an address that nobody has", get(0, nil), unix.EFAULT)
		}},
)
