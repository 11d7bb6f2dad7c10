package abi

import "unsafe"

// The stock structs are those of include/uapi/linux/seccomp.h. All integers
// are in native byte order. Every field is naturally aligned and every hole
// is a named field, so 32- and 64-bit tasks see the same layout and a struct
// literal leaves no byte unset.

// Data is struct seccomp_data, 64 bytes, what a filter sees of a call.
// Since Linux 3.5; seccomp.h:62.
type Data struct {
	Nr                 int32
	Arch               uint32 // AUDIT_ARCH_*
	InstructionPointer uint64 // behind the syscall instruction
	Args               [6]uint64
}

// Notif is struct seccomp_notif, 80 bytes: what RECV fills. It must be all
// zero before, or RECV fails with EINVAL (kernel/seccomp.c,
// seccomp_notify_recv). Since Linux 5.0; seccomp.h:75.
type Notif struct {
	ID    uint64
	PID   uint32 // thread id, in the listener's pid namespace; 0 if not there
	Flags uint32 // 0, or proposed SECCOMP_NOTIF_FLAG_EXECED
	Data  Data
}

// NotifResp is struct seccomp_notif_resp, 24 bytes: the answer for SEND.
// Since Linux 5.0; seccomp.h:111.
type NotifResp struct {
	ID    uint64
	Val   int64  // result of the call, when Error is 0
	Error int32  // negative errno, or 0
	Flags uint32 // SECCOMP_USER_NOTIF_FLAG_*
}

// NotifAddFD is struct seccomp_notif_addfd, 24 bytes: a descriptor for the
// target. Since Linux 5.9; seccomp.h:132.
type NotifAddFD struct {
	ID         uint64
	Flags      uint32 // SECCOMP_ADDFD_FLAG_*
	SrcFD      uint32 // the supervisor's descriptor
	NewFD      uint32 // the target's, with FLAG_SETFD; otherwise 0
	NewFDFlags uint32 // O_CLOEXEC or 0
}

// NotifSizes is struct seccomp_notif_sizes, 6 bytes: what
// SECCOMP_GET_NOTIF_SIZES fills, in bytes. Since Linux 5.0; seccomp.h:69.
type NotifSizes struct {
	Notif     uint16
	NotifResp uint16
	Data      uint16
}

// NotifInject is the proposed struct seccomp_notif_inject, 80 bytes: a
// substitute for the trapped call. From INJECT, RFC v2, May 2026.
type NotifInject struct {
	ID            uint64
	Nr            uint64
	Args          [6]uint64
	Buf           uint64 // address in the supervisor
	BufSize       uint32 // bytes, at most 1 MiB
	ArgsInBufMask uint32 // bit i: Args[i] is a byte offset into Buf
}

// NotifTargetCall is the proposed struct seccomp_notif_target_call, 80
// bytes: a call issued in the target's context. This project's layout; the
// review of INJECT gave a sketch of the use.
type NotifTargetCall struct {
	ID       uint64
	Flags    uint32 // SECCOMP_TARGET_CALL_FLAG_*
	Reserved uint32 // 0
	Nr       uint64
	Args     [6]uint64 // pointers are the supervisor's
	Ret      int64     // written back: result or negative errno
}

// NotifPinInstall is the proposed struct seccomp_notif_pin_install, 40
// bytes: a sealed memfd to map into the target. From the series of June and
// July 2026.
type NotifPinInstall struct {
	ID         uint64
	Flags      uint32 // 0
	MemFD      uint32
	TargetAddr uint64 // page aligned, or 0 and the kernel writes back its choice
	Size       uint64 // bytes, page aligned
	Offset     uint64 // bytes into MemFD, page aligned
}

// NotifRespRedirect is the proposed struct seccomp_notif_resp_redirect, 120
// bytes: the trapped call goes on with other arguments. From the series of
// June and July 2026.
type NotifRespRedirect struct {
	ID       uint64
	Flags    uint32    // SECCOMP_REDIRECT_FLAG_*
	ArgsMask uint32    // bit i: argument i becomes Args[i]
	PtrMask  uint32    // bit i, of ArgsMask: Args[i] points into a pin of MemFD
	MemFD    uint32    // looked at when PtrMask is not 0
	Args     [6]uint64 // addresses in the target, or scalars
	PtrLen   [6]uint64 // bytes behind Args[i]; 0 where PtrMask has no bit
}

// PtraceSyscallInfo is struct ptrace_syscall_info, 88 bytes, as
// PTRACE_GET_SYSCALL_INFO fills it at an entry or seccomp stop. At an exit
// stop Nr holds the signed result and the low byte of Args[0] says whether
// it is an error. Since Linux 5.3; include/uapi/linux/ptrace.h:82.
type PtraceSyscallInfo struct {
	Op                 uint8 // PTRACE_SYSCALL_INFO_*
	Pad                [3]uint8
	Arch               uint32 // AUDIT_ARCH_*
	InstructionPointer uint64
	StackPointer       uint64
	Nr                 uint64
	Args               [6]uint64
	RetData            uint32 // SECCOMP_RET_DATA, at a seccomp stop
	Pad1               uint32
}

// Sizes in bytes. They are literals so that the ioctl numbers stay untyped
// constants; the declarations below do not compile if one is wrong.
const (
	SizeofData              = 64
	SizeofNotif             = 80
	SizeofNotifResp         = 24
	SizeofNotifAddFD        = 24
	SizeofNotifSizes        = 6
	SizeofNotifInject       = 80
	SizeofNotifTargetCall   = 80
	SizeofNotifPinInstall   = 40
	SizeofNotifRespRedirect = 120
	SizeofPtraceSyscallInfo = 88
)

var (
	_ [SizeofData]byte              = [unsafe.Sizeof(Data{})]byte{}
	_ [SizeofNotif]byte             = [unsafe.Sizeof(Notif{})]byte{}
	_ [SizeofNotifResp]byte         = [unsafe.Sizeof(NotifResp{})]byte{}
	_ [SizeofNotifAddFD]byte        = [unsafe.Sizeof(NotifAddFD{})]byte{}
	_ [SizeofNotifSizes]byte        = [unsafe.Sizeof(NotifSizes{})]byte{}
	_ [SizeofNotifInject]byte       = [unsafe.Sizeof(NotifInject{})]byte{}
	_ [SizeofNotifTargetCall]byte   = [unsafe.Sizeof(NotifTargetCall{})]byte{}
	_ [SizeofNotifPinInstall]byte   = [unsafe.Sizeof(NotifPinInstall{})]byte{}
	_ [SizeofNotifRespRedirect]byte = [unsafe.Sizeof(NotifRespRedirect{})]byte{}
	_ [SizeofPtraceSyscallInfo]byte = [unsafe.Sizeof(PtraceSyscallInfo{})]byte{}
)
