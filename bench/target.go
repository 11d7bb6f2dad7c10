package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

const roleTarget = "target"

// targetSpec is what the supervisor tells the target first.
type targetSpec struct {
	Cell    Cell
	Calls   int // measured calls, of each thread
	Warmup  int // discarded before the first stretch
	Chunk   int // calls in one stretch
	Batch   int
	Counter asmstubs.Counter
	CPU     int // -1: anywhere
	Dir     string
}

// rewarm is how many calls are discarded at the start of every stretch but
// the first: the other thread has just used the caches.
func (s *targetSpec) rewarm() int { return s.Batch * max(1, s.Chunk/s.Batch/5) }

// targetReady is the target's answer, with the listener's descriptor if its
// mechanism has one. The target then waits for targetGo.
type targetReady struct {
	Err     string
	NA      string // why the mechanism cannot be used here
	TID     int
	PIDs    []int  // of the children that call, if it is not the target itself
	Nr      uint64 // the trapped syscall
	Head    []byte // the first bytes the supervisor will find behind the pointer
	Len     int    // how many it will find there
	Scratch uint64 // memory of the same size for a tracer's copy
}

type targetGo struct{}

// targetDone ends a row.
type targetDone struct {
	Err      string
	Notified int     // calls made under the mechanism
	CPU      float64 // seconds, of the calling thread in its stretches
	Switches int64
}

// headBytes is how much of a large argument a supervisor looks at, and how
// much of it crosses the control channel.
const headBytes = 256

// samples lays out the memory that supervisor and target share: the deltas
// of the mechanism, then those of native.
func samples(mem []byte, calls, batch int) (mech, native []uint64) {
	n := calls / batch
	all := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(mem))), 2*n)
	return all[:n:n], all[n:]
}

// samplesFD is the descriptor of that memory in the target.
const samplesFD = notify.RoleFD + 1

func targetMain() {
	conn := notify.NewConn(notify.RoleFD)
	if err := serveAsTarget(conn); err != nil && !errors.Is(err, notify.ErrPeerGone) {
		ready := targetReady{Err: err.Error()}
		if na := (errNA{}); errors.As(err, &na) {
			ready = targetReady{NA: na.reason}
		}
		_ = conn.Send(ready, -1)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveAsTarget(conn *notify.Conn) error {
	if err := notify.LockThread(); err != nil {
		return err
	}
	var spec targetSpec
	if _, err := conn.Recv(&spec); err != nil {
		return err
	}
	// Two threads keep a P while they wait, peers do not.
	runtime.GOMAXPROCS(4)
	debug.SetGCPercent(-1)
	// The first timer makes the runtime open an epoll and an event descriptor.
	// It has one of its own, for returning memory, and must not choose the
	// moment: the scripts know which descriptor comes next.
	time.Sleep(time.Nanosecond)
	mech, cs := FindMechanism(spec.Cell.Mech), spec.Cell.findCase()
	if mech == nil || cs == nil {
		return fmt.Errorf("no such cell: %s", spec.Cell.Name())
	}
	mem, err := unix.Mmap(samplesFD, 0, 16*spec.Calls/spec.Batch, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("map the samples: %w", err)
	}
	sc, err := newScene(spec.Dir, 3*max(cs.Bytes, 4096)+16<<10)
	if err != nil {
		return err
	}
	defer sc.close()
	sc.counter, sc.children = spec.Counter, spec.Cell.Targets > 0
	script, err := cs.prepare(sc)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", cs.Syscall, err)
	}
	if script.scratch == 0 {
		script.scratch, _ = sc.put(make([]byte, len(script.memory)+1))
	}
	mechDeltas, nativeDeltas := samples(mem, spec.Calls, spec.Batch)

	native := &stretch{spec: &spec, script: script, out: nativeDeltas}
	if err := native.init(false); err != nil {
		return err
	}
	go native.wait()
	var peers sync.WaitGroup
	for range spec.Cell.peers(mech) {
		peers.Add(1)
		go peer(peers.Done)
	}
	peers.Wait()
	under := &stretch{spec: &spec, script: script, out: mechDeltas}
	if err := under.init(mech.Replaces); err != nil {
		return err
	}

	if err := notify.BindCPU(spec.CPU); err != nil {
		return err
	}
	listener, err := arm(mech, script.call.Nr, spec.Cell.Filters)
	if err != nil {
		return err
	}
	var pids []int
	if under.crowd != nil {
		if err := under.crowd.start(listener); err != nil {
			return err
		}
		pids = under.crowd.pids
	}
	err = conn.Send(targetReady{
		TID:     unix.Gettid(),
		PIDs:    pids,
		Nr:      script.call.Nr,
		Head:    script.memory[:min(len(script.memory), headBytes)],
		Len:     len(script.memory),
		Scratch: script.scratch,
	}, listener)
	if err != nil {
		return err
	}
	if listener >= 0 {
		unix.Close(listener)
	}
	if _, err := conn.Recv(&targetGo{}); err != nil {
		return err
	}
	done := targetDone{}
	for under.at < len(under.out) && err == nil {
		if err = native.turn(); err == nil {
			err = under.run()
		}
	}
	for _, st := range []*stretch{native, under} {
		if st.crowd != nil {
			st.crowd.end()
		}
	}
	done.Notified, done.CPU, done.Switches = under.calls, under.cpu, under.switches
	if err != nil {
		done.Err = err.Error()
	}
	// The scene's files go with calls that the filter may trap, after the
	// supervisor has gone: leave them to the thread without a filter.
	native.finish(sc.close)
	return conn.Send(done, -1)
}

// arm installs what the mechanism needs on this thread, on top of filters
// which allow the call, and returns the listener, or -1.
func arm(m *Mechanism, nr uint64, filters int) (int, error) {
	for range filters {
		p, err := notify.FilterFor(int(nr), abi.SECCOMP_RET_ALLOW)
		if err != nil {
			return -1, err
		}
		if _, err := p.Install(0); err != nil {
			return -1, needsSeccomp(err)
		}
	}
	if m.Sigsys {
		asmstubs.SigsysResult = ReplacedResult
		if err := notify.SetSignal(unix.SIGSYS, asmstubs.SigsysHandler(), asmstubs.SigRestorer()); err != nil {
			return -1, err
		}
	}
	if m.Verdict == 0 {
		return -1, nil
	}
	p, err := notify.FilterFor(int(nr), m.Verdict)
	if err != nil {
		return -1, err
	}
	var flags uint
	if m.listens() {
		flags = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	if slices.Contains(m.Needs, notify.FeatureRedirectFlag) {
		// Where the answer is unclear, that of the installation says why.
		if err := needsFeatures(notify.Listener{}, notify.FeatureRedirectFlag); !errors.Is(err, notify.ErrUnclear) && err != nil {
			return -1, err
		}
		flags |= abi.SECCOMP_FILTER_FLAG_REDIRECT
	}
	fd, err := p.Install(flags)
	if err != nil {
		return -1, needsSeccomp(err)
	}
	return fd, nil
}

// peer is a thread that shares the target's memory and sleeps.
func peer(started func()) {
	runtime.LockOSThread()
	started()
	for {
		_, _, _ = unix.Syscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}
