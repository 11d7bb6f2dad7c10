package abi

// Modes of prctl(PR_SET_SECCOMP) and operations of seccomp(2);
// include/uapi/linux/seccomp.h:10-18. The call is of Linux 3.17.
const (
	SECCOMP_MODE_DISABLED = 0
	SECCOMP_MODE_STRICT   = 1
	SECCOMP_MODE_FILTER   = 2

	SECCOMP_SET_MODE_STRICT  = 0
	SECCOMP_SET_MODE_FILTER  = 1
	SECCOMP_GET_ACTION_AVAIL = 2 // since 4.14
	SECCOMP_GET_NOTIF_SIZES  = 3 // since 5.0
)

// Flags of SECCOMP_SET_MODE_FILTER; seccomp.h:21-27.
const (
	SECCOMP_FILTER_FLAG_TSYNC              = 1 << 0 // since 3.17
	SECCOMP_FILTER_FLAG_LOG                = 1 << 1 // since 4.14
	SECCOMP_FILTER_FLAG_SPEC_ALLOW         = 1 << 2 // since 4.17
	SECCOMP_FILTER_FLAG_NEW_LISTENER       = 1 << 3 // since 5.0
	SECCOMP_FILTER_FLAG_TSYNC_ESRCH        = 1 << 4 // since 5.7
	SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5 // since 5.19
	SECCOMP_FILTER_FLAG_REDIRECT           = 1 << 6 // proposed, with PIN_INSTALL
)

// Verdicts of a filter; seccomp.h:38-51. Of several filters the least
// verdict wins, compared as signed.
const (
	SECCOMP_RET_KILL_PROCESS = 0x80000000 // since 4.14
	SECCOMP_RET_KILL_THREAD  = 0x00000000 // since 3.5
	SECCOMP_RET_TRAP         = 0x00030000 // since 3.5
	SECCOMP_RET_ERRNO        = 0x00050000 // since 3.5
	SECCOMP_RET_USER_NOTIF   = 0x7fc00000 // since 5.0
	SECCOMP_RET_TRACE        = 0x7ff00000 // since 3.5
	SECCOMP_RET_LOG          = 0x7ffc0000 // since 4.14
	SECCOMP_RET_ALLOW        = 0x7fff0000 // since 3.5

	SECCOMP_RET_ACTION_FULL = 0xffff0000
	SECCOMP_RET_ACTION      = 0x7fff0000 // before 4.14: without KILL_PROCESS
	SECCOMP_RET_DATA        = 0x0000ffff
)

// Flags of NotifResp.Flags; seccomp.h:109.
const (
	SECCOMP_USER_NOTIF_FLAG_CONTINUE   = 1 << 0 // since 5.5
	SECCOMP_USER_NOTIF_FLAG_INJECTED   = 1 << 1 // proposed, with INJECT
	SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT = 1 << 2 // proposed, this project
)

// SECCOMP_NOTIF_FLAG_EXECED in Notif.Flags marks an exec event. Proposed,
// this project.
const SECCOMP_NOTIF_FLAG_EXECED = 1 << 0

// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP is the flag of SET_FLAGS: the waker
// tells the scheduler that it is about to sleep. Since Linux 6.6;
// seccomp.h:118.
const SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1 << 0

// Flags of NotifAddFD.Flags; seccomp.h:121-122.
const (
	SECCOMP_ADDFD_FLAG_SETFD = 1 << 0 // since 5.9
	SECCOMP_ADDFD_FLAG_SEND  = 1 << 1 // since 5.14
)

// SECCOMP_TARGET_CALL_FLAG_SEND in NotifTargetCall.Flags makes the result
// the answer too. Proposed, this project.
const SECCOMP_TARGET_CALL_FLAG_SEND = 1 << 0

// Flags of NotifRespRedirect.Flags. Proposed.
const (
	SECCOMP_REDIRECT_FLAG_CONTINUE   = 1 << 0 // must be set
	SECCOMP_REDIRECT_FLAG_EXEC_EVENT = 1 << 1 // this project
)
