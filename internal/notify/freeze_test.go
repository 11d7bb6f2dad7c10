package notify

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// counters lie in memory that a crowd and its test share.
type counters [16]uint64

// Slots of counters.
const (
	crowd = 4 // that many threads count from the start
	born  = crowd
	brood = crowd + 1 // counted by threads that are born and end all the time

	broodCounts = 1000 // by each
)

func mapCounters(fd int) (*counters, error) {
	m, err := unix.Mmap(fd, 0, int(unsafe.Sizeof(counters{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*counters)(unsafe.Pointer(&m[0])), nil
}

func (c *counters) load() (v counters) {
	for i := range c {
		v[i] = atomic.LoadUint64(&c[i])
	}
	return v
}

// crowdSpec says what the main thread of a crowd does next: it starts a
// thread, waits for it to count, or starts the one that keeps starting
// others, and then calls getppid Calls times, which is traced.
type crowdSpec struct {
	Born, Brood bool
	Calls       int
}

var roleCrowd = role("crowd", func(conn *Conn) error {
	if err := LockThread(); err != nil {
		return err
	}
	c, err := mapCounters(RoleFD + 1)
	if err != nil {
		return err
	}
	count := func(slot int) {
		runtime.LockOSThread()
		for {
			atomic.AddUint64(&c[slot], 1)
		}
	}
	for i := range crowd {
		go count(i)
		for atomic.LoadUint64(&c[i]) == 0 {
			runtime.Gosched()
		}
	}
	p, err := FilterFor(unix.SYS_GETPPID, abi.SECCOMP_RET_TRACE)
	if err != nil {
		return err
	}
	if _, err := p.Install(0); err != nil {
		return err
	}
	if err := conn.Send(callerReady{TID: unix.Gettid()}, -1); err != nil {
		return err
	}
	for {
		var s crowdSpec
		if _, err := conn.Recv(&s); err != nil {
			return err
		}
		if s.Born {
			go count(born)
			for atomic.LoadUint64(&c[born]) == 0 {
				runtime.Gosched()
			}
		}
		if s.Brood {
			go func() {
				runtime.LockOSThread()
				for {
					ended := make(chan bool)
					go func() {
						runtime.LockOSThread() // the thread ends with the goroutine
						for range broodCounts {
							atomic.AddUint64(&c[brood], 1)
						}
						close(ended)
					}()
					<-ended
				}
			}()
		}
		var r callResult
		for range s.Calls {
			// Whatever else the host does: another is born before each call.
			for next := atomic.LoadUint64(&c[brood]) + broodCounts; s.Brood && atomic.LoadUint64(&c[brood]) < next; {
				runtime.Gosched()
			}
			r.R = rawCall(unix.SYS_GETPPID, [6]uint64{})
		}
		if err := conn.Send(r, -1); err != nil {
			return err
		}
	}
})

// startCrowd starts a crowd and attaches to all of it.
func startCrowd(t *testing.T, tr *Tracer) (p *Process, tid int, c *counters) {
	t.Helper()
	fd, err := unix.MemfdCreate("counters", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "counters")
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(int64(unsafe.Sizeof(counters{}))); err != nil {
		t.Fatal(err)
	}
	if c, err = mapCounters(fd); err != nil {
		t.Fatal(err)
	}
	p = elsewhere(func() *Process { return start(t, roleCrowd, f) })
	var ready callerReady
	if _, err := p.Conn.Recv(&ready); err != nil {
		t.Fatal(err)
	}
	if err := tr.Attach(ready.TID); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); tr.Release() })
	n, err := tr.AttachPeers(p.PID(), ready.TID)
	if err != nil {
		t.Fatal(err)
	}
	if n < crowd {
		t.Fatalf("AttachPeers found %d threads, %d count", n, crowd)
	}
	return p, ready.TID, c
}

// checkFrozen checks that no counter moves while the peers are frozen and
// that the first n do afterwards.
func checkFrozen(t *testing.T, tr *Tracer, c *counters, n int) {
	t.Helper()
	if e := tr.Freeze(); e != 0 {
		t.Fatalf("Freeze: %v", e)
	}
	before := c.load()
	time.Sleep(2 * time.Millisecond)
	after := c.load()
	tr.Thaw()
	if before != after {
		t.Fatalf("counters moved while frozen:\n%v\n%v", before, after)
	}
	for i := range n {
		for atomic.LoadUint64(&c[i]) == after[i] {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// TestFreeze: peers count, but not between Freeze and Thaw.
func TestFreeze(t *testing.T) {
	tr := newTracer(t)
	_, _, c := startCrowd(t, tr)
	for range 20 {
		checkFrozen(t, tr, c, crowd)
	}
}

// TestFreezeBorn: a thread that is started later is followed, and frozen.
func TestFreezeBorn(t *testing.T) {
	tr := newTracer(t)
	p, tid, c := startCrowd(t, tr)
	if err := p.Conn.Send(crowdSpec{Born: true, Calls: 1}, -1); err != nil {
		t.Fatal(err)
	}
	ev := tr.untilTrapped(t, tid)
	for range 10 {
		checkFrozen(t, tr, c, born+1)
	}
	tr.Pass(&ev, false)
}

// untilTrapped passes all stops until thread tid stands at its traced call.
func (t *Tracer) untilTrapped(tb testing.TB, tid int) Event {
	tb.Helper()
	var ev Event
	for {
		switch e := t.Wait(-1, &ev); {
		case e != 0:
			tb.Fatalf("wait for a stop: %v", e)
		case ev.TID != tid:
			t.PassPeer(&ev)
		case ev.Stop == StopSeccomp:
			return ev
		default:
			t.Pass(&ev, false)
		}
	}
}

// TestFreezeBrood freezes at every call while other threads are born and end.
func TestFreezeBrood(t *testing.T) {
	const calls = 40
	tr := newTracer(t)
	p, tid, c := startCrowd(t, tr)
	if err := p.Conn.Send(crowdSpec{Brood: true, Calls: calls}, -1); err != nil {
		t.Fatal(err)
	}
	for i := range calls {
		ev := tr.untilTrapped(t, tid)
		if e := tr.Freeze(); e != 0 {
			t.Fatalf("Freeze at call %d: %v", i, e)
		}
		before := c.load()
		time.Sleep(200 * time.Microsecond)
		if after := c.load(); before != after {
			t.Fatalf("counters moved while frozen at call %d:\n%v\n%v", i, before, after)
		}
		tr.Thaw()
		tr.Pass(&ev, false)
	}
	// The answer comes while other threads stop all the time.
	answered := make(chan callResult)
	go func() {
		var r callResult
		_, _ = p.Conn.Recv(&r)
		p.Kill()
		answered <- r
	}()
	tr.Release()
	if r := <-answered; r.R != int64(os.Getpid()) {
		t.Errorf("the last call returned %d, want %d", r.R, os.Getpid())
	}
	if n := c.load()[brood]; n < calls*broodCounts {
		t.Errorf("only %d counts by threads that were born meanwhile: not enough was tried", n)
	}
}
