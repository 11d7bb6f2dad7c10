package main

import (
	"context"
	"errors"
	"fmt"

	"unotify-bench/kernel"
)

// Exit statuses, as in docs of the command line.
const (
	exitOK          = 0
	exitFailed      = 1 // a check failed, a row could not be measured, a kernel complained, a gate closed
	exitUsage       = 2
	exitEnvironment = 3 // a tool is missing, a kernel does not boot
	exitInterrupted = 130
)

// statusError is an error that has chosen its exit status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &statusError{exitUsage, fmt.Errorf(format, args...)}
}

func failure(format string, args ...any) error {
	return &statusError{exitFailed, fmt.Errorf(format, args...)}
}

// exitStatus maps an error to the exit status. What nobody classified is the
// environment's fault: files, processes, machines.
func exitStatus(err error) int {
	var s *statusError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &s):
		return s.status
	case errors.Is(err, kernel.ErrSplat):
		return exitFailed
	}
	return exitEnvironment
}
