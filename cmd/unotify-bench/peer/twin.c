// The loop that `unotify-bench doctor --peer` holds its own against, in C: a
// child makes N calls that a filter traps, its parent answers them. Nothing
// is read, recorded or allocated in between.
//
//	twin CALLS WARMUP sync|async reply|continue TARGET_CPU SUPERVISOR_CPU
//
// prints the nanoseconds that a call took, and the CPU time that both sides
// spent on one, as means.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#endif

// Linux 6.6; older headers do not have it.
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

// What a replaced getppid returns, which no process id can be.
#define REPLACED 0x7fffffff

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		err(1, "bind to cpu %d", cpu);
}

static int listen_to(int nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "set no_new_privs");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		err(1, "install filter");
	return fd;
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int to, int fd)
{
	union control control = { 0 };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1,
			    .msg_control = &control, .msg_controllen = sizeof control };

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	if (sendmsg(to, &m, 0) != 1)
		err(1, "hand over the listener");
}

static int receive_fd(int from)
{
	union control control = { 0 };
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1,
			    .msg_control = &control, .msg_controllen = sizeof control };
	int fd;

	if (recvmsg(from, &m, 0) != 1 || control.head.cmsg_len != CMSG_LEN(sizeof fd))
		errx(1, "the child sent no listener");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
	return fd;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e9 +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e3;
}

struct cost {
	double wall, cpu;
};

static void call(long n, long want)
{
	for (; n > 0; n--)
		if (syscall(SYS_getppid) != want)
			errx(1, "a call returned what it must not");
}

static void target(int parent, long calls, long warmup, long want)
{
	struct cost begin, end;
	char go;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	send_fd(parent, listen_to(SYS_getppid));
	if (read(parent, &go, 1) != 1)
		errx(1, "the parent is gone");
	call(warmup, want);
	begin = (struct cost){ now(), cpu() };
	call(calls, want);
	end = (struct cost){ now(), cpu() };
	end.wall = (end.wall - begin.wall) / calls;
	end.cpu = (end.cpu - begin.cpu) / calls;
	if (write(parent, &end, sizeof end) != sizeof end)
		err(1, "send the result");
	_exit(0);
}

static void supervise(int listener, long calls, long value, unsigned flags)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response;

	for (; calls > 0; calls--) {
		memset(&request, 0, sizeof request);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
			err(1, "receive a notification");
		response.id = request.id;
		response.val = value;
		response.error = 0;
		response.flags = flags;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response))
			err(1, "send the answer");
	}
}

int main(int argc, char **argv)
{
	long calls, warmup;
	int sync, reply, status, listener, ends[2];
	struct cost cost;
	double spent;
	pid_t child;

	if (argc != 7)
		errx(2, "usage: twin CALLS WARMUP sync|async reply|continue TARGET_CPU SUPERVISOR_CPU");
	calls = atol(argv[1]);
	warmup = atol(argv[2]);
	sync = !strcmp(argv[3], "sync");
	reply = !strcmp(argv[4], "reply");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		err(1, "make a socket pair");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		close(ends[0]);
		pin(atoi(argv[5]));
		target(ends[1], calls, warmup, reply ? REPLACED : getppid());
	}
	close(ends[1]);
	pin(atoi(argv[6]));
	listener = receive_fd(ends[0]);
	if (sync && ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP))
		err(1, "set the sync wake-up");
	if (write(ends[0], "", 1) != 1)
		err(1, "start the child");
	spent = cpu();
	supervise(listener, warmup + calls, reply ? REPLACED : 0,
		  reply ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	spent = (cpu() - spent) / (warmup + calls);
	if (read(ends[0], &cost, sizeof cost) != sizeof cost)
		errx(1, "the child sent no result");
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the child ended with status %#x", status);
	printf("%.2f %.2f\n", cost.wall, cost.cpu + spent);
	return 0;
}
