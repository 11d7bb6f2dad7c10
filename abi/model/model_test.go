package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// everything is a kernel that has all, and a filter that can redirect.
const everything = Everything &^ Killable

// TestSequences follows short ones, a row each. The answers are the wire ABI's.
func TestSequences(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    Features
		ops  string // one a line, and after => what it is to give
	}{
		{"reply", 0, `
			send newest value => ENOENT
			trap 0 getppid
			send newest value => EINPROGRESS
			id-valid newest plain => ENOENT
			recv plain
			id-valid newest plain
			send newest continue-value => EINVAL
			send newest value
			send newest value => ENOENT`},
		{"proposals on a kernel without", 0, `
			trap 0 openat
			recv plain
			inject newest openat plain => EINVAL
			target-call newest openat plain => EINVAL
			pin newest plain => EINVAL
			redirect newest pointer => EINVAL
			send newest injected => EINVAL`},
		{"inject", everything, `
			trap 0 openat
			inject newest openat plain => EINPROGRESS
			recv plain
			send newest injected => EINVAL
			inject newest write plain => ESRCH
			inject newest getppid plain => ENOTSUP
			inject newest openat plain
			inject newest openat plain => EEXIST
			send newest both => EINVAL
			id-valid newest plain
			send newest injected
			send newest injected => ENOENT`},
		{"redirect without a pin", everything, `
			trap 0 openat
			recv plain
			redirect newest pointer => EFAULT
			pin newest plain
			pin newest plain => EEXIST
			redirect newest beyond => EFAULT
			redirect newest pointer`},
		{"what a pin is mapped to", everything, `
			map 0 unmap
			map 0 writable => ENOMEM
			map 1 nothing => ENOMEM
			map 1 move => EFAULT
			map 0 discard => ENOMEM
			map 0 over => skipped
			trap 0 openat
			recv plain
			pin newest plain
			map 0 unmap => skipped
			map 1 unmap => EPERM
			map 1 writable => EACCES
			map 1 nothing => EPERM
			map 1 move => EPERM
			map 1 over => EPERM
			map 1 discard
			redirect newest pointer
			map 0 unmap => EPERM
			close
			map 0 unmap => EPERM
			memory write => EPERM
			memory seal => EBUSY`},
		{"children", everything, `
			trap 0 openat
			recv plain
			pin newest plain
			child 0 openat => skipped
			child 1 write
			signal 1 interrupt
			recv plain
			pin newest plain => EEXIST
			redirect newest pointer
			child 1 openat
			send newest value => EINPROGRESS
			send newest-2 value
			map 1 unmap => skipped
			close
			child 1 openat`},
		{"other filters", everything, `
			filter 0 sync
			filter 0 listener => EBUSY
			filter 0 listener-redirect => EBUSY
			filter 1 redirect => EINVAL
			filter 1 killable => EINVAL
			filter 1 listener-tid => EINVAL
			filter 1 sync
			filter 1 plain
			filter 0 sync => ESRCH
			filter 0 sync-tid => ESRCH
			trap 0 openat
			filter 0 plain => skipped
			filter 1 sync
			filter 0 log => skipped
			recv plain
			send newest continue
			filter 0 sync
			filter 1 empty => EINVAL
			filter 1 null => EFAULT
			close
			filter 1 listener-sync => skipped
			filter 1 listener-redirect => EBUSY
			filter 1 spec-allow`},
		{"a filter of a kernel without redirects", 0, `
			filter 0 listener-redirect => EINVAL
			filter 0 listener-killable => EBUSY
			close
			filter 0 listener-redirect => EINVAL`},
		{"a filter without redirects of a kernel that has them", everything &^ Redirect, `
			close
			filter 0 listener-redirect => skipped`},
		{"a child's own pin", everything, `
			child 0 openat
			recv plain
			redirect newest pointer => EFAULT
			pin newest plain
			map 1 unmap
			trap 1 openat
			recv plain
			redirect newest pointer => EFAULT
			redirect newest-1 pointer`},
		{"a filter without the flag", everything &^ Redirect, `
			trap 0 openat
			recv plain
			pin newest empty => EPERM
			redirect newest no-flags => EPERM`},
		{"a signal", everything, `
			trap 0 openat
			recv plain
			signal 0 restart
			send newest-1 value => ENOENT
			send newest value => EINPROGRESS
			recv plain
			send newest value`},
		{"a signal that has to wait", everything | Killable, `
			trap 0 openat
			recv plain
			signal 0 restart
			send newest value`},
		{"a call that went before it was received", 0, `
			trap 0 openat
			signal 0 interrupt
			recv plain => ENOENT`},
		{"a target that is killed", 0, `
			trap 0 openat
			recv plain
			trap 1 write
			kill
			send newest-1 value => ENOENT
			send newest continue-value => EINVAL
			id-valid newest plain => ENOENT
			recv plain => ENOENT
			set-flags none
			close
			recv plain => EBADF`},
		{"a listener that is closed", everything, `
			trap 0 openat
			recv plain
			inject newest openat plain
			close
			send newest injected => EBADF
			inject newest openat null => EBADF
			trap 0 openat
			kill`},
		{"exec event of what is none", everything, `
			trap 0 openat
			recv plain
			send newest event => EINVAL
			send newest value
			trap 0 execve
			recv plain
			send newest event`},
		{"an exec event", everything, `
			trap 0 openat
			recv plain
			pin newest plain
			trap 1 program
			recv plain
			send newest event
			send newest-1 value => ENOENT
			send newest-2 value => ENOENT
			send newest nothing => EINPROGRESS
			recv plain
			trap 0 openat => skipped
			map 0 unmap => skipped
			inject newest openat plain => ESRCH
			addfd newest send => EINVAL
			target-call newest openat send => EINVAL
			redirect newest scalar => EINVAL
			send newest value => EINVAL
			send newest event => EINVAL
			addfd newest plain
			target-call newest openat plain
			pin newest plain
			id-valid newest plain
			send newest nothing
			id-valid newest plain => ENOENT
			recv plain => ENOENT`},
		{"an exec that nobody asked to hear of", everything, `
			trap 0 openat
			trap 1 program
			recv plain
			recv plain
			redirect newest scalar
			recv plain => ENOENT
			signal 0 restart => skipped
			send newest-1 value => ENOENT`},
		{"an exec whose arguments are none", everything, `
			trap 0 program
			recv plain
			pin newest plain
			redirect newest pointer
			trap 0 openat
			recv plain
			send newest nothing`},
		{"a listener that is closed at an exec event", everything, `
			trap 0 program
			recv plain
			send newest event
			close
			recv plain => EBADF
			trap 0 getppid => skipped`},
		{"a target that a signal ends at its exec event", everything, `
			trap 0 program
			recv plain
			send newest event
			recv plain
			signal 0 restart
			send newest nothing => ENOENT`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Features: tt.f}
			for line := range strings.Lines(strings.TrimSpace(tt.ops)) {
				text, want, _ := strings.Cut(line, "=>")
				o, err := ParseOp(text)
				if err != nil {
					t.Fatal(err)
				}
				all := s.Do(o, s.Number(o))
				if len(all) != 1 {
					t.Fatalf("%v comes to %d things, want one", o, len(all))
				}
				if got := short(all[0].Answer); got != strings.TrimSpace(want) {
					t.Errorf("%v gives %s, want %s", o, got, want)
				}
				_, s = all[0].State.Returned()
			}
		})
	}
}

// short is what an operation gave, as rows have it.
func short(a Answer) string {
	if a.Skipped {
		return "skipped"
	}
	return unix.ErrnoName(a.Errno)
}

// TestText: every operation is read as it is written, and no two are written alike.
func TestText(t *testing.T) {
	seen := map[string]Op{}
	for _, o := range All() {
		text := o.String()
		if other, ok := seen[text]; ok {
			t.Errorf("%+v and %+v are both %q", o, other, text)
		}
		seen[text] = o
		got, err := ParseOp(text)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(o, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, bad := range []string{"", "bogus", "trap", "trap 2 openat", "trap 0 openat plain", "send newest", "send oldest value", "recv bogus"} {
		if o, err := ParseOp(bad); err == nil {
			t.Errorf("%q is read as %v", bad, o)
		}
	}
}

// TestErrorsChangeNothing: whatever fails leaves all as it was, in every state that
// the core alphabet leads to.
func TestErrorsChangeNothing(t *testing.T) {
	seen := map[State]bool{}
	next := []State{{Features: everything}, {Features: everything | Killable}, {}}
	for range 5 {
		var more []State
		for _, s := range next {
			for _, o := range All() {
				for _, out := range s.Do(o, s.Number(o)) {
					if e := out.Answer.Errno; e != 0 && out.State != s && o.Do != Recv {
						t.Fatalf("%v fails with %v in %+v and leaves %+v", o, e, s, out.State)
					}
					_, after := out.State.Returned()
					after.Next, after.Requests = 0, min(after.Requests, 2)
					for i := range after.Tasks {
						after.Tasks[i].ID = int32(-1 - i)
					}
					if !seen[after] {
						seen[after] = true
						more = append(more, after)
					}
				}
			}
		}
		next = more
	}
	if len(seen) < 100 {
		t.Errorf("%d states were looked at, want them all", len(seen))
	}
	t.Logf("%d states", len(seen))
}
