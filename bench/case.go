package bench

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// Case is one syscall with one kind of argument.
type Case struct {
	Syscall string
	Addr    string // bind, connect: the address family
	Bytes   int    // write: the payload, bytes
	Doc     string // one line, for --list

	// Pointer is the argument that points to memory, -1 for none.
	Pointer int
	// Size tells how a supervisor finds the length of that memory.
	Size SizeRule
	// Execs says that each call replaces the program that makes it: the
	// calls come from children of the target's thread, one after the other,
	// and each takes so long that a tenth of them is measured.
	Execs bool
	// SweepOnly says that only a sweep measures it.
	SweepOnly bool

	// prepare makes what the call works on and returns the script. It runs
	// in the target, on the thread without a filter.
	prepare func(*scene) (*script, error)
}

// SizeRule says where the length of pointed-to memory comes from.
type SizeRule uint8

const (
	SizeNone   SizeRule = iota
	SizeString          // a NUL ends it
	SizeArg2            // argument 2 is the length in bytes
)

// script is what the target's loop executes for every call.
type script struct {
	before []asmstubs.Step
	call   asmstubs.Step // the measured one, Want filled in
	after  []asmstubs.Step
	// memory is what the supervisor will find behind the pointer, scratch an
	// address with room for as much, 0 for one in the target.
	memory  []byte
	scratch uint64
	// issue makes the calls where the loop cannot: then call only names the
	// syscall and its arguments.
	issue issuer
	// reset runs before a stretch of calls, verify after it: the effect that
	// the results alone do not show must be there.
	reset, verify func() error
}

// steps returns the script's steps; with replaced set, only the call itself,
// with the result that the mechanism substitutes.
func (s *script) steps(replaced bool) []asmstubs.Step {
	call := s.call
	call.Flags |= asmstubs.Timed
	if replaced {
		call.Want = ReplacedResult
		return []asmstubs.Step{call}
	}
	steps := append([]asmstubs.Step{}, s.before...)
	return append(append(steps, call), s.after...)
}

var allCases []*Case

func registerCase(c *Case) *Case {
	allCases = append(allCases, c)
	place := func(c *Case) int { return strings.Index("getppid openat write bind connect execve", c.Syscall) }
	slices.SortStableFunc(allCases, func(a, b *Case) int {
		return cmp.Or(place(a)-place(b), cmp.Compare(a.Syscall, b.Syscall), cmp.Compare(a.Addr, b.Addr), a.Bytes-b.Bytes)
	})
	return c
}

// Cases lists all, in table order.
func Cases() []*Case { return allCases }

// SelectCases returns the cases of the named syscalls; none named is all.
// An unknown name is an error that lists the known ones.
func SelectCases(names []string) ([]*Case, error) {
	if len(names) == 0 {
		return allCases, nil
	}
	var out []*Case
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	found := map[string]bool{}
	for _, c := range allCases {
		if want[c.Syscall] {
			out = append(out, c)
		}
		found[c.Syscall] = true
	}
	for _, n := range names {
		if !found[n] {
			var known []string
			for _, c := range allCases {
				if len(known) == 0 || known[len(known)-1] != c.Syscall {
					known = append(known, c.Syscall)
				}
			}
			return nil, fmt.Errorf("unknown syscall %q; known: %s", n, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// scene is where a case's objects live: a directory, and memory that the
// collector neither moves nor frees.
type scene struct {
	dir      string
	counter  asmstubs.Counter // which the calls are measured by
	children bool             // of the target make the calls
	arena    []byte
	used     int
	cleanup  []func()
}

// newScene empties dir first: the target of a row before may have been killed.
// Who made dir removes it.
func newScene(dir string, bytes int) (*scene, error) {
	left, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look into the directory for the target's files: %w", err)
	}
	for _, f := range left {
		if err := os.RemoveAll(filepath.Join(dir, f.Name())); err != nil {
			return nil, fmt.Errorf("empty the directory for the target's files: %w", err)
		}
	}
	s := &scene{dir: dir}
	s.arena, err = unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("map %d bytes for arguments: %w", bytes, err)
	}
	return s, nil
}

func (s *scene) close() {
	for i := len(s.cleanup) - 1; i >= 0; i-- {
		s.cleanup[i]()
	}
}

// put copies b to fixed memory, NUL-terminated and 64-byte aligned, and
// returns its address and the copy.
func (s *scene) put(b []byte) (uint64, []byte) {
	s.used = (s.used + 63) &^ 63
	m := s.arena[s.used : s.used+len(b) : s.used+len(b)]
	copy(m, b)
	s.used += len(b) + 1
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m)))), m
}

// nr is the native number of the named syscall.
func nr(name string) uint64 {
	n, ok := notify.Native.Syscalls[name]
	if !ok {
		panic("bench: the table of " + notify.Native.Name + " has no syscall " + name)
	}
	return uint64(n)
}

// step is a call whose result must be want.
func step(name string, want uint64, args ...uint64) asmstubs.Step {
	st := asmstubs.Step{Nr: nr(name), Want: want}
	copy(st.Args[:], args)
	return st
}

// nextFD is the descriptor that the next open in this process will get: the
// scripts rely on it being the same each time, which also checks it.
func nextFD() (uint64, error) {
	fd, err := unix.Dup(0)
	if err != nil {
		return 0, fmt.Errorf("find a free descriptor: %w", err)
	}
	return uint64(fd), unix.Close(fd)
}
