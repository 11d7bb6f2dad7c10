package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// needsPtrace turns a refusal to look into the target, or to trace it, into
// the reason why the cell cannot be measured here, with what to do about it.
func needsPtrace(err error) error {
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	const need = "needs ptrace access to the target: "
	scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	// Documentation/admin-guide/LSM/Yama.rst. 1 lets us trace descendants,
	// which the target is.
	switch scope = bytes.TrimSpace(scope); string(scope) {
	case "2":
		return errNA{need + "kernel.yama.ptrace_scope is 2; as root: sysctl kernel.yama.ptrace_scope=1"}
	case "3":
		return errNA{need + "kernel.yama.ptrace_scope is 3, which only a reboot can change"}
	}
	return errNA{need + err.Error() + "; in a container, allow ptrace(2) and process_vm_readv(2)"}
}

// needsSeccomp is the same for the installation of a filter.
func needsSeccomp(err error) error {
	const need = "needs to install a seccomp filter: "
	var e unix.Errno
	if !errors.As(err, &e) {
		return err
	}
	why := fmt.Sprintf("%sseccomp(2) fails with %s", need, unix.ErrnoName(e))
	switch e {
	case unix.EPERM, unix.EACCES:
		return errNA{why + "; a container's own filter does that: allow seccomp(2), docker run --security-opt seccomp=unconfined"}
	case unix.ENOSYS:
		return errNA{why + "; the kernel has no CONFIG_SECCOMP_FILTER, or a container hides it"}
	case unix.EINVAL:
		return errNA{why + "; the kernel has no CONFIG_SECCOMP_FILTER, or no listeners (since 5.0)"}
	case unix.EBUSY:
		return errNA{why + "; a listener watches this process already, and only one can"}
	}
	return err
}

// needsFeatures is the reason why a kernel cannot do what some mechanism needs:
// the first of fs that it has not. An answer that is neither yes nor no is an
// error.
func needsFeatures(l notify.Listener, fs ...notify.Feature) error {
	why, err := l.Lacks(fs...)
	if err == nil && why != "" {
		err = errNA{why}
	}
	return err
}
