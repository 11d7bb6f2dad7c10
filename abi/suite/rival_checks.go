package suite

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Two supervisors that answer at once: whoever comes first, the other is told,
// and what happens is what one of them asked for.

const (
	srcRivals = "conformance.md, E: two supervisors racing; uapi.md, EINPROGRESS and ENOENT"
	rounds    = 40 // the first of them already tells of what holds in any order
)

// rivals runs two at once, and wants exactly one to win. It returns which.
func (t *T) rivals(acts [2]func() unix.Errno) int {
	var e [2]unix.Errno
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i, act := range acts {
		wg.Go(func() {
			<-begin
			e[i] = act()
		})
	}
	close(begin)
	wg.Wait()
	if e[0] == 0 == (e[1] == 0) {
		t.Fatalf("of two supervisors one gets %s, the other %s: one has to win", errName(e[0]), errName(e[1]))
	}
	won := 0
	if e[0] != 0 {
		won = 1
	}
	if lost := e[1-won]; lost != unix.ENOENT && lost != unix.EINPROGRESS && lost != unix.EBUSY && lost != unix.EEXIST {
		t.Errorf("who loses gets %s", errName(lost))
	}
	return won
}

var _ = add(
	Check{ID: "reply.rivals", Level: Must, Source: srcRivals,
		Doc: "of two answers at once one is taken, and the call returns that one's value",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for range rounds {
				n := c.trap(call(unix.SYS_GETPPID))
				answer := func(v int64) func() unix.Errno {
					return func() unix.Errno { return c.send(abi.NotifResp{ID: n.ID, Val: v}) }
				}
				won := t.rivals([2]func() unix.Errno{answer(100), answer(101)})
				if got := c.result(); got != int64(100+won) {
					t.Errorf("the call returned %d, the answer taken is %d", got, 100+won)
				}
			}
		}},
	Check{ID: "notify.rivals", Level: Must, Source: srcRivals + "; seccomp_notify_recv",
		Doc: "of two that receive at once one gets a notification, and the other the next",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for range rounds {
				got := make(chan abi.Notif)
				for range 2 {
					go func() {
						var n abi.Notif
						_ = c.Next(&n, nil) // of what is wrong the id is 0
						got <- n
					}()
				}
				first := c.trapFor(got)
				second := c.trapFor(got)
				if first == second || first == 0 || second == 0 {
					t.Fatalf("the two received %#x and %#x", first, second)
				}
			}
		}},
	Check{ID: "inject.rivals", Level: Must, Source: srcRivals, Needs: needsInject,
		Doc: "of two INJECTs at once one is attached, the other is EEXIST, and what is committed is the first",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			other := cstring(t.file("other", "other\n"))
			c := t.notified(unix.SYS_OPENAT, 0)
			for range rounds {
				n := c.trap(o)
				attach := func(buf []byte) func() unix.Errno {
					return func() unix.Errno { i := injectReq(&n, 1, buf); return c.Inject(&i) }
				}
				won := t.rivals([2]func() unix.Errno{attach(path), attach(other)})
				t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
				c.opened(c.result(), []string{content, "other\n"}[won])
			}
		}},
	Check{ID: "target-call.rivals", Level: Must, Source: srcRivals, Needs: needsCall,
		Doc: "of two calls with FLAG_SEND at once one runs, and its bytes are written once",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			want := ""
			for range rounds {
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, 1))
				write := func(text string) func() unix.Errno {
					return func() unix.Errno {
						buf := []byte(text)
						r := abi.NotifTargetCall{ID: n.ID, Flags: flagSend, Nr: unix.SYS_WRITE, Args: [6]uint64{firstFile, addressOf(buf), uint64(len(buf))}}
						e := c.TargetCall(&r)
						buf[0] = 0 // is in use until here
						return e
					}
				}
				texts := [2]string{"a", "bb"}
				text := texts[t.rivals([2]func() unix.Errno{write(texts[0]), write(texts[1])})]
				if got := c.result(); got != int64(len(text)) {
					t.Errorf("write returned %d, want %d", got, len(text))
				}
				want += text
			}
			if got := t.content(path); got != want {
				t.Errorf("the file holds %q, want %q", got, want)
			}
		}},
	Check{ID: "redirect.rivals", Level: Must, Source: srcRivals, Needs: needsRedirect,
		Doc: "of a redirect and a plain answer at once one is taken, and the call does that",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, redirectFlag)
			for range rounds {
				n := c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)})
				s := substitutes{63, six(otherArg)}
				won := t.rivals([2]func() unix.Errno{
					func() unix.Errno { return c.send(abi.NotifResp{ID: n.ID, Val: -7}) },
					func() unix.Errno {
						return c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: s.mask, Args: s.args})
					},
				})
				rep := c.report()
				t.preserved("getppid", &rep.Call, s)
				if got, want := resultOf(rep), []int64{-7, int64(os.Getpid())}[won]; got != want {
					t.Errorf("the call returned %d, want %d", got, want)
				}
			}
		}},
)

// trapFor makes the target call, and answers whoever receives it.
func (c *caller) trapFor(got <-chan abi.Notif) uint64 {
	c.tell(call(unix.SYS_GETPPID))
	n := <-got
	c.answer(n.ID, 5)
	return n.ID
}
