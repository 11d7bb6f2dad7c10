package bench

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// team is the supervisors of one row: one thread but in a sweep. All receive
// from one listener; a target that waits is in the hands of one of them.
type team struct {
	mu   sync.Mutex
	tids []int // of the threads

	targets []int // processes that call, where there are many
	once    sync.Once
	pins    map[uint32]*place // by process
	err     error
}

// place is a target's pin, and where it is in the target's memory: 0 until it
// is installed.
type place struct {
	pin *notify.Pin
	at  atomic.Uint64
}

// enter counts the calling thread in.
func (t *team) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tids = append(t.tids, unix.Gettid())
}

// signal interrupts every thread of the team.
func (t *team) signal(sig unix.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tid := range t.tids {
		_ = unix.Tgkill(os.Getpid(), tid, sig)
	}
}

// interrupt does so until none of them waits any more, which ended tells: a first
// signal can come just before a wait.
func (t *team) interrupt(ended <-chan struct{}) {
	for {
		t.signal(unix.SIGWINCH)
		select {
		case <-ended:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// places makes a pin for each of many targets: a pin that two shared could be
// written for one while the other's call reads it.
func (t *team) places(size int) (map[uint32]*place, error) {
	t.once.Do(func() {
		t.pins = map[uint32]*place{}
		for _, pid := range t.targets {
			pin, err := notify.NewPin(size)
			if err != nil {
				t.err = err
				return
			}
			t.pins[uint32(pid)] = &place{pin: pin}
		}
	})
	return t.pins, t.err
}

func (t *team) close() {
	for _, p := range t.pins {
		p.pin.Close()
	}
}

// helper is another supervisor like s, with buffers of its own.
func (s *supervisor) helper() *supervisor {
	h := *s
	h.conn = nil
	h.buf, h.shares = make([]byte, len(s.buf)), make([]uint64, len(s.shares))
	return &h
}

// runAll is run on so many threads, the calling one among them. What all of
// them did is then s's. If one fails the target is killed, so that the others
// end.
func (s *supervisor) runAll(m *Mechanism, cpu, threads int) error {
	if threads == 1 {
		return s.run(m, cpu)
	}
	// Each keeps a P while it waits.
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + threads - 1)
	defer runtime.GOMAXPROCS(before)
	var helpers []*supervisor
	failed := make(chan error, threads)
	for range threads - 1 {
		h := s.helper()
		helpers = append(helpers, h)
		go func() {
			err := notify.LockThread()
			if err == nil {
				s.team.enter()
				err = h.run(m, cpu)
			}
			if err != nil {
				s.kill()
			}
			failed <- err
		}()
	}
	err := s.run(m, cpu)
	if err != nil {
		s.kill()
	}
	for range helpers {
		// The first to fail is not known; each says what it saw.
		err = cmp.Or(err, <-failed)
	}
	shares := s.shares[:min(s.served, len(s.shares))]
	for _, h := range helpers {
		shares = slices.Concat(shares, h.shares[:min(h.served, len(h.shares))])
		s.served += h.served
		s.cpu += h.cpu
		s.switches += h.switches
	}
	s.shares = shares
	return err
}
