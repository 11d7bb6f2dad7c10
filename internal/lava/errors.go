package lava

import "time"

// Constants, as what is made of variables is made whenever the program starts.
const (
	// ErrAuth is a token that is missing, unknown, or not allowed to do it.
	ErrAuth = sentinel("not allowed")
	// ErrNotFound is a job that does not exist, or that the token may not see.
	ErrNotFound = sentinel("no such job")
	// ErrRefused is a request that the server understood and will not do: a
	// definition with a mistake, a device type that it does not have.
	ErrRefused = sentinel("refused")
	// ErrReply is an answer that is none of LAVA's, or no sensible one.
	ErrReply = sentinel("not an answer of a LAVA server")
	// ErrUnreachable is a server that did not do it, however often it was asked.
	ErrUnreachable = sentinel("no answer")
	// ErrUncertain is a submission of which nobody knows whether there is a job.
	ErrUncertain = sentinel("may have been accepted")
)

// A sentinel is an error that is compared with.
type sentinel string

func (s sentinel) Error() string { return string(s) }

// A failure is one try that failed, with what the next may do.
type failure struct {
	error
	again bool          // a later try may fare better
	done  progress      // what the server may have done before it failed
	after time.Duration // what the server wants to be left alone for
}

func (f *failure) Unwrap() error { return f.error }

// progress is how far a request can have come that failed.
type progress int

const (
	unsent   progress = iota // there was no connection
	answered                 // the server said that it failed: it is through with it
	silent                   // nobody knows: it may still be at it
)
