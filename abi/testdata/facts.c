/*
 * The facts of package abi once more, as the system's headers have them.
 * headers_test.go compiles this file for each architecture and reads the
 * section "abifacts" of the object file, so nothing has to run.
 *
 * What the headers lack is declared here, from the text of the interface and
 * not from the Go code. syscalls.inc is written by the test: it holds names
 * only, the numbers are those of <asm/unistd.h>.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <signal.h>
#include <ucontext.h>
#include <elf.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/ioctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <linux/types.h>
#ifdef __x86_64__
#include <sys/user.h>
#endif

/* Linux 6.6 */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
/* Linux 5.19 */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* In no header: the direction that ID_VALID had before Linux 5.9. */
#define SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR _IOR('!', 2, __u64)

/* Proposed: INJECT */
struct seccomp_notif_inject {
	__u64 id;
	__u64 nr;
	__u64 args[6];
	__u64 buf;
	__u32 buf_size;
	__u32 args_in_buf_mask;
};
#define SECCOMP_IOCTL_NOTIF_INJECT _IOW('!', 5, struct seccomp_notif_inject)
#define SECCOMP_USER_NOTIF_FLAG_INJECTED (1UL << 1)

/* Proposed: TARGET_CALL */
struct seccomp_notif_target_call {
	__u64 id;
	__u32 flags;
	__u32 reserved;
	__u64 nr;
	__u64 args[6];
	__s64 ret;
};
#define SECCOMP_IOCTL_NOTIF_TARGET_CALL _IOWR('!', 7, struct seccomp_notif_target_call)
#define SECCOMP_TARGET_CALL_FLAG_SEND (1UL << 0)

/* Proposed: PIN_INSTALL and SEND_REDIRECT */
struct seccomp_notif_pin_install {
	__u64 id;
	__u32 flags;
	__u32 memfd;
	__u64 target_addr;
	__u64 size;
	__u64 offset;
};
#define SECCOMP_IOCTL_NOTIF_PIN_INSTALL _IOWR('!', 5, struct seccomp_notif_pin_install)
#define SECCOMP_FILTER_FLAG_REDIRECT (1UL << 6)

struct seccomp_notif_resp_redirect {
	__u64 id;
	__u32 flags;
	__u32 args_mask;
	__u32 ptr_mask;
	__u32 memfd;
	__u64 args[6];
	__u64 ptr_len[6];
};
#define SECCOMP_IOCTL_NOTIF_SEND_REDIRECT _IOW('!', 6, struct seccomp_notif_resp_redirect)
#define SECCOMP_REDIRECT_FLAG_CONTINUE (1UL << 0)

/* Proposed: the exec event */
#define SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT (1UL << 2)
#define SECCOMP_REDIRECT_FLAG_EXEC_EVENT (1UL << 1)
#define SECCOMP_NOTIF_FLAG_EXECED (1UL << 0)

struct fact {
	char name[56];
	unsigned long long value;
};

#define FACT(n, v) { n, (unsigned long long)(v) },
#define CONST(c) FACT(#c, c)
#define SIZE(s) FACT("size " #s, sizeof(struct s))
#define MEMBER(s, m) \
	FACT("offset " #s "." #m, offsetof(struct s, m)) \
	FACT("width " #s "." #m, sizeof(((struct s *)0)->m))
#define SCALAR(s, m) \
	MEMBER(s, m) \
	FACT("signed " #s "." #m, (__typeof__(((struct s *)0)->m))-1 < 1)
#define REG(n, s, m) FACT("reg " n, offsetof(struct s, m))

__attribute__((section("abifacts"), used))
static const struct fact facts[] = {
	SIZE(seccomp_data)
	SCALAR(seccomp_data, nr)
	SCALAR(seccomp_data, arch)
	SCALAR(seccomp_data, instruction_pointer)
	MEMBER(seccomp_data, args)

	SIZE(seccomp_notif)
	SCALAR(seccomp_notif, id)
	SCALAR(seccomp_notif, pid)
	SCALAR(seccomp_notif, flags)
	MEMBER(seccomp_notif, data)

	SIZE(seccomp_notif_resp)
	SCALAR(seccomp_notif_resp, id)
	SCALAR(seccomp_notif_resp, val)
	SCALAR(seccomp_notif_resp, error)
	SCALAR(seccomp_notif_resp, flags)

	SIZE(seccomp_notif_addfd)
	SCALAR(seccomp_notif_addfd, id)
	SCALAR(seccomp_notif_addfd, flags)
	SCALAR(seccomp_notif_addfd, srcfd)
	SCALAR(seccomp_notif_addfd, newfd)
	SCALAR(seccomp_notif_addfd, newfd_flags)

	SIZE(seccomp_notif_sizes)
	SCALAR(seccomp_notif_sizes, seccomp_notif)
	SCALAR(seccomp_notif_sizes, seccomp_notif_resp)
	SCALAR(seccomp_notif_sizes, seccomp_data)

	SIZE(seccomp_notif_inject)
	SCALAR(seccomp_notif_inject, id)
	SCALAR(seccomp_notif_inject, nr)
	MEMBER(seccomp_notif_inject, args)
	SCALAR(seccomp_notif_inject, buf)
	SCALAR(seccomp_notif_inject, buf_size)
	SCALAR(seccomp_notif_inject, args_in_buf_mask)

	SIZE(seccomp_notif_target_call)
	SCALAR(seccomp_notif_target_call, id)
	SCALAR(seccomp_notif_target_call, flags)
	SCALAR(seccomp_notif_target_call, reserved)
	SCALAR(seccomp_notif_target_call, nr)
	MEMBER(seccomp_notif_target_call, args)
	SCALAR(seccomp_notif_target_call, ret)

	SIZE(seccomp_notif_pin_install)
	SCALAR(seccomp_notif_pin_install, id)
	SCALAR(seccomp_notif_pin_install, flags)
	SCALAR(seccomp_notif_pin_install, memfd)
	SCALAR(seccomp_notif_pin_install, target_addr)
	SCALAR(seccomp_notif_pin_install, size)
	SCALAR(seccomp_notif_pin_install, offset)

	SIZE(seccomp_notif_resp_redirect)
	SCALAR(seccomp_notif_resp_redirect, id)
	SCALAR(seccomp_notif_resp_redirect, flags)
	SCALAR(seccomp_notif_resp_redirect, args_mask)
	SCALAR(seccomp_notif_resp_redirect, ptr_mask)
	SCALAR(seccomp_notif_resp_redirect, memfd)
	MEMBER(seccomp_notif_resp_redirect, args)
	MEMBER(seccomp_notif_resp_redirect, ptr_len)

	SIZE(ptrace_syscall_info)
	SCALAR(ptrace_syscall_info, op)
	SCALAR(ptrace_syscall_info, arch)
	SCALAR(ptrace_syscall_info, instruction_pointer)
	SCALAR(ptrace_syscall_info, stack_pointer)
	SCALAR(ptrace_syscall_info, seccomp.nr)
	MEMBER(ptrace_syscall_info, seccomp.args)
	SCALAR(ptrace_syscall_info, seccomp.ret_data)

	CONST(SECCOMP_IOC_MAGIC)
	CONST(SECCOMP_IOCTL_NOTIF_RECV)
	CONST(SECCOMP_IOCTL_NOTIF_SEND)
	CONST(SECCOMP_IOCTL_NOTIF_ID_VALID)
	CONST(SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR)
	CONST(SECCOMP_IOCTL_NOTIF_ADDFD)
	CONST(SECCOMP_IOCTL_NOTIF_SET_FLAGS)
	CONST(SECCOMP_IOCTL_NOTIF_INJECT)
	CONST(SECCOMP_IOCTL_NOTIF_PIN_INSTALL)
	CONST(SECCOMP_IOCTL_NOTIF_SEND_REDIRECT)
	CONST(SECCOMP_IOCTL_NOTIF_TARGET_CALL)

	CONST(SECCOMP_MODE_DISABLED)
	CONST(SECCOMP_MODE_STRICT)
	CONST(SECCOMP_MODE_FILTER)
	CONST(SECCOMP_SET_MODE_STRICT)
	CONST(SECCOMP_SET_MODE_FILTER)
	CONST(SECCOMP_GET_ACTION_AVAIL)
	CONST(SECCOMP_GET_NOTIF_SIZES)

	CONST(SECCOMP_FILTER_FLAG_TSYNC)
	CONST(SECCOMP_FILTER_FLAG_LOG)
	CONST(SECCOMP_FILTER_FLAG_SPEC_ALLOW)
	CONST(SECCOMP_FILTER_FLAG_NEW_LISTENER)
	CONST(SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
	CONST(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	CONST(SECCOMP_FILTER_FLAG_REDIRECT)

	CONST(SECCOMP_RET_KILL_PROCESS)
	CONST(SECCOMP_RET_KILL_THREAD)
	CONST(SECCOMP_RET_TRAP)
	CONST(SECCOMP_RET_ERRNO)
	CONST(SECCOMP_RET_USER_NOTIF)
	CONST(SECCOMP_RET_TRACE)
	CONST(SECCOMP_RET_LOG)
	CONST(SECCOMP_RET_ALLOW)
	CONST(SECCOMP_RET_ACTION_FULL)
	CONST(SECCOMP_RET_ACTION)
	CONST(SECCOMP_RET_DATA)

	CONST(SECCOMP_USER_NOTIF_FLAG_CONTINUE)
	CONST(SECCOMP_USER_NOTIF_FLAG_INJECTED)
	CONST(SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT)
	CONST(SECCOMP_NOTIF_FLAG_EXECED)
	CONST(SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	CONST(SECCOMP_ADDFD_FLAG_SETFD)
	CONST(SECCOMP_ADDFD_FLAG_SEND)
	CONST(SECCOMP_TARGET_CALL_FLAG_SEND)
	CONST(SECCOMP_REDIRECT_FLAG_CONTINUE)
	CONST(SECCOMP_REDIRECT_FLAG_EXEC_EVENT)

	CONST(AUDIT_ARCH_X86_64)
	CONST(AUDIT_ARCH_AARCH64)
	CONST(AUDIT_ARCH_RISCV64)
	CONST(AUDIT_ARCH_I386)
	CONST(AUDIT_ARCH_ARM)

#if defined(__x86_64__)
	FACT("auditarch", AUDIT_ARCH_X86_64)
	FACT("sigresult", offsetof(ucontext_t, uc_mcontext.gregs[REG_RAX]))
	FACT("regset", sizeof(struct user_regs_struct))
#define R(m) REG(#m, user_regs_struct, m)
	R(r15) R(r14) R(r13) R(r12) R(rbp) R(rbx) R(r11) R(r10) R(r9) R(r8)
	R(rax) R(rcx) R(rdx) R(rsi) R(rdi) R(orig_rax) R(rip) R(cs) R(eflags)
	R(rsp) R(ss) R(fs_base) R(gs_base) R(ds) R(es) R(fs) R(gs)
#elif defined(__aarch64__)
	FACT("auditarch", AUDIT_ARCH_AARCH64)
	FACT("sigresult", offsetof(ucontext_t, uc_mcontext.regs[0]))
	FACT("regset", sizeof(struct user_pt_regs))
#define R(n) REG("x" #n, user_pt_regs, regs[n])
	R(0) R(1) R(2) R(3) R(4) R(5) R(6) R(7) R(8) R(9) R(10) R(11) R(12)
	R(13) R(14) R(15) R(16) R(17) R(18) R(19) R(20) R(21) R(22) R(23)
	R(24) R(25) R(26) R(27) R(28) R(29) R(30)
	REG("sp", user_pt_regs, sp)
	REG("pc", user_pt_regs, pc)
	REG("pstate", user_pt_regs, pstate)
#elif defined(__riscv) && __riscv_xlen == 64
	FACT("auditarch", AUDIT_ARCH_RISCV64)
	FACT("sigresult", offsetof(ucontext_t, uc_mcontext.__gregs[REG_A0]))
	FACT("regset", sizeof(struct user_regs_struct))
#define R(m) REG(#m, user_regs_struct, m)
	R(pc) R(ra) R(sp) R(gp) R(tp) R(t0) R(t1) R(t2) R(s0) R(s1)
	R(a0) R(a1) R(a2) R(a3) R(a4) R(a5) R(a6) R(a7)
	R(s2) R(s3) R(s4) R(s5) R(s6) R(s7) R(s8) R(s9) R(s10) R(s11)
	R(t3) R(t4) R(t5) R(t6)
#else
#error "no facts for this architecture"
#endif

#include "syscalls.inc"
};

__asm__(".pushsection abiinsn,\"a\"\n\t"
#if defined(__x86_64__)
	"syscall\n\t"
#elif defined(__aarch64__)
	"svc #0\n\t"
#else
	"ecall\n\t"
#endif
	".popsection");
