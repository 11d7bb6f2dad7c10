package kernel

import (
	"errors"
	"fmt"
	"strings"
)

// What can go wrong with a booted machine. Boot's errors wrap one of these,
// or the error of its context or of its onEvent.
var (
	// ErrPanic says that the guest's kernel panicked.
	ErrPanic = errors.New("guest kernel panicked")
	// ErrSplat says that the guest's kernel found a bug in itself: a BUG,
	// a WARNING, a report of KASAN, lockdep, kmemleak. The error shows it.
	ErrSplat = errors.New("guest kernel complained")
	// ErrTimeout says that the guest was still running at its bound.
	ErrTimeout = errors.New("guest did not end in time")
	// ErrIdle says that nothing was heard of the guest for too long.
	ErrIdle = errors.New("guest is silent")
	// ErrNoDone says that the guest ended without having said that it
	// sent everything.
	ErrNoDone = errors.New("guest ended early")
	// ErrProtocol says that the guest sent what is no event of this run.
	ErrProtocol = errors.New("guest sent an invalid event")
	// ErrFlood says that the guest wrote more than is read from one.
	ErrFlood = errors.New("guest wrote too much")
	// ErrQEMU says that QEMU itself failed or was killed by someone else.
	ErrQEMU = errors.New("QEMU failed")
	// ErrNoKVM says that KVM was demanded and does not work here.
	ErrNoKVM = errors.New("KVM does not work here")
	// ErrBadParam says that a kernel parameter cannot be passed.
	ErrBadParam = errors.New("kernel parameter cannot be passed")
)

// consoleError adds the console's last lines to an error.
type consoleError struct {
	err  error
	tail []string
}

func (e *consoleError) Unwrap() error { return e.err }

func (e *consoleError) Error() string {
	return e.err.Error() + "\nlast lines of the guest's console:\n  " + strings.Join(e.tail, "\n  ")
}

func withConsole(err error, tail []string) error {
	if len(tail) == 0 {
		return err
	}
	return &consoleError{err, tail}
}

// splatError shows what the kernel complained of.
type splatError struct {
	arch  string
	lines []string
}

func (e *splatError) Unwrap() error { return ErrSplat }

func (e *splatError) Error() string {
	return ErrSplat.Error() + ": " + e.arch + ":\n  " + strings.Join(e.lines, "\n  ")
}

// withSplat makes a run fail whose kernel complained, and tells of the
// complaint what may have caused another failure.
func withSplat(err error, arch string, lines []string) error {
	if len(lines) == 0 {
		return err
	}
	splat := &splatError{arch, lines}
	if err == nil || errors.Is(err, ErrSplat) {
		return splat
	}
	return fmt.Errorf("%w\nbefore that: %w", err, splat)
}
