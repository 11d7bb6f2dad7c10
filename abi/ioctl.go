package abi

// SECCOMP_IOC_MAGIC is the type byte of a listener's ioctls; seccomp.h:140.
const SECCOMP_IOC_MAGIC = '!'

// An ioctl number is direction, size, type and number, from the top:
// include/uapi/asm-generic/ioctl.h:23-73. Only alpha, mips, parisc, powerpc
// and sparc have an asm/ioctl.h of their own, so one encoding serves all
// three architectures.
const (
	iocTypeShift = 8
	iocSizeShift = 16
	iocDirShift  = 30
	iocWrite     = 1 // the kernel reads
	iocRead      = 2 // the kernel writes

	iow  = iocWrite<<iocDirShift | SECCOMP_IOC_MAGIC<<iocTypeShift
	iowr = iocRead<<iocDirShift | iow
	ior  = iocRead<<iocDirShift | SECCOMP_IOC_MAGIC<<iocTypeShift

	sizeofU64 = 8 // bytes of the __u64 that ID_VALID and SET_FLAGS name
)

// Stock ioctls; seccomp.h:147-155.
const (
	// SECCOMP_IOCTL_NOTIF_RECV waits for a Notif. Since Linux 5.0.
	SECCOMP_IOCTL_NOTIF_RECV = iowr | SizeofNotif<<iocSizeShift | 0
	// SECCOMP_IOCTL_NOTIF_SEND answers with a NotifResp. Since Linux 5.0.
	SECCOMP_IOCTL_NOTIF_SEND = iowr | SizeofNotifResp<<iocSizeShift | 1
	// SECCOMP_IOCTL_NOTIF_ID_VALID takes a pointer to an id. Since Linux
	// 5.0 by the other direction, since 5.9 and its backports by this one.
	SECCOMP_IOCTL_NOTIF_ID_VALID = iow | sizeofU64<<iocSizeShift | 2
	// SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR is the spelling of before
	// Linux 5.9, still accepted: kernel/seccomp.c:55 and 1832.
	SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR = ior | sizeofU64<<iocSizeShift | 2
	// SECCOMP_IOCTL_NOTIF_ADDFD takes a NotifAddFD and returns the target's
	// descriptor. The kernel takes the struct's size from the number, so it
	// can grow: kernel/seccomp.c:1703, seccomp_notify_addfd. Since Linux 5.9.
	SECCOMP_IOCTL_NOTIF_ADDFD = iow | SizeofNotifAddFD<<iocSizeShift | 3
	// SECCOMP_IOCTL_NOTIF_SET_FLAGS takes the flags by value, not by
	// pointer: kernel/seccomp.c:1687, seccomp_notify_set_flags. Since Linux 6.6.
	SECCOMP_IOCTL_NOTIF_SET_FLAGS = iow | sizeofU64<<iocSizeShift | 4
)

// Proposed ioctls. INJECT and PIN_INSTALL share number 5 and differ in
// direction and size, so one kernel can serve both.
const (
	// SECCOMP_IOCTL_NOTIF_INJECT takes a NotifInject.
	SECCOMP_IOCTL_NOTIF_INJECT = iow | SizeofNotifInject<<iocSizeShift | 5
	// SECCOMP_IOCTL_NOTIF_PIN_INSTALL takes a NotifPinInstall and writes
	// the address back.
	SECCOMP_IOCTL_NOTIF_PIN_INSTALL = iowr | SizeofNotifPinInstall<<iocSizeShift | 5
	// SECCOMP_IOCTL_NOTIF_SEND_REDIRECT takes a NotifRespRedirect.
	SECCOMP_IOCTL_NOTIF_SEND_REDIRECT = iow | SizeofNotifRespRedirect<<iocSizeShift | 6
	// SECCOMP_IOCTL_NOTIF_TARGET_CALL takes a NotifTargetCall and writes
	// Ret back. The number is this project's choice.
	SECCOMP_IOCTL_NOTIF_TARGET_CALL = iowr | SizeofNotifTargetCall<<iocSizeShift | 7
)
