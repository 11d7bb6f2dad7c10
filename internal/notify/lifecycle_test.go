package notify

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

var (
	lifeN     = flag.Int("lifecycle.n", 150, "notifications for each mechanism of TestLifecycle")
	lifeSeed  = flag.Uint64("lifecycle.seed", 1, "of what TestLifecycle does to its processes, and when")
	lifeLeaks = flag.Bool("lifecycle.leaks", false, "TestLifecycle compares slabs and asks kmemleak: for a debug kernel on which nothing else runs")
)

// lifePatience is how long nothing may happen: an emulated machine that
// watches itself, on a host with other things to do, is slow.
const lifePatience = 3 * time.Minute

// TestLifecycle serves targets while processes are killed, signalled and left
// at moments that a seed picks. Everybody who survives must have seen what the
// mechanism promises, and the kernel must have everything back in the end.
func TestLifecycle(t *testing.T) {
	// What a killed target started comes here, and is reaped.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }()
	program := filepath.Join(t.TempDir(), "again")
	if err := writeProgram(program, againProgram[Native.Name]); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, i int, n uint64) {
		live(t, &lifeMechs[i], n, program, rand.New(rand.NewPCG(*lifeSeed, uint64(i))))
	}
	var before map[string]slab
	if *lifeLeaks {
		run(t, 0, 100) // caches grow to what is needed
		before = slabs(t)
	}
	for i, mech := range lifeMechs {
		t.Run(mech.name, func(t *testing.T) {
			if !lifeOffers(t, mech.needs) {
				t.Log("this kernel has no such mechanism")
				return
			}
			run(t, i, uint64(*lifeN))
			if *lifeLeaks {
				checkSlabs(t, before)
				checkKmemleak(t)
			}
		})
	}
}

// lifeOffers asks a listener that is closed again.
func lifeOffers(t *testing.T, fs []Feature) bool {
	t.Helper()
	if len(fs) == 0 {
		return true
	}
	p := start(t, roleCaller)
	c := &caller{Process: p}
	if err := p.Conn.Send(armSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: abi.SECCOMP_FILTER_FLAG_NEW_LISTENER}, -1); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.FD, err = p.Conn.Recv(&c.callerReady); err != nil || c.FD < 0 {
		t.Fatalf("no listener: %v %s", err, c.Err)
	}
	has := c.has(t, fs...)
	unix.Close(c.FD)
	p.Kill()
	_ = p.Wait()
	return has
}

// life is what one mechanism goes through.
type life struct {
	*testing.T
	mech    *lifeMech
	rng     *rand.Rand
	program string
	shared  *os.File
	led     *ledger

	supervisor *Process
	targets    [lifeTargets]*Process
	tids       [lifeTargets]int

	done    map[string]int // what was done to processes
	restart int
}

func live(t *testing.T, mech *lifeMech, n uint64, program string, rng *rand.Rand) {
	fd, err := unix.MemfdCreate("ledger", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{T: t, mech: mech, rng: rng, program: program, shared: os.NewFile(uintptr(fd), "ledger"), done: map[string]int{}}
	defer l.shared.Close()
	if err := l.shared.Truncate(int64(unsafe.Sizeof(ledger{}))); err != nil {
		t.Fatal(err)
	}
	if l.led, err = mapLedger(fd); err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(l.led)), unsafe.Sizeof(ledger{})))
	defer l.killAll() // it may have failed
	began := time.Now()
	l.startAll()
	acts := []struct {
		name string
		odds int
		do   func()
	}{
		{"signals", 0, nil}, // all the time: see until
		{"targets killed", 5, l.killTarget},
		{"supervisors killed", 3, l.killSupervisor},
		{"listeners closed", 2, l.closeListener},
	}
	gap := max(20, n/100)
	todo := rng.Perm(len(acts)) // each once, then as the odds have it
	for next, told := uint64(0), uint64(0); ; {
		next += 1 + rng.Uint64N(2*gap)
		l.until(next)
		if seen := l.led.Notified.Load(); seen-told > n/10 && n > 1000 {
			told = seen
			t.Logf("%d notifications in %v, %v", seen, time.Since(began).Round(time.Second), l.done)
		}
		time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
		var k int
		if len(todo) > 0 {
			k, todo = todo[0], todo[1:]
		} else if l.led.Notified.Load() >= n && l.done["signals"] > 0 {
			break
		} else {
			for dice := rng.IntN(10); dice >= acts[k].odds; k++ {
				dice -= acts[k].odds
			}
		}
		if acts[k].do != nil {
			acts[k].do()
			l.done[acts[k].name]++
		}
		next = l.led.Notified.Load()
	}
	l.led.Stop.Store(1)
	for i := range l.targets {
		l.ended(i)
	}
	if err := l.supervisor.Conn.Send(lifeOrder{}, -1); err != nil {
		t.Error(err)
	}
	if err := l.supervisor.Wait(); err != nil {
		t.Errorf("a supervisor ended with %v", err)
	}
	l.reap()
	if bad := l.led.Bad.Load(); bad > 0 {
		t.Errorf("%d targets saw what may not be, such as %d", bad, l.led.BadResult.Load())
	}
	for _, a := range acts {
		if l.done[a.name] == 0 {
			t.Errorf("no %s", a.name)
		}
	}
	calls := uint64(0)
	for i := range l.led.Targets {
		calls += l.led.Targets[i].Calls.Load()
	}
	if calls == 0 {
		t.Error("no call has returned")
	}
	t.Logf("%d notifications, %d calls in %v, %d processes, %v", l.led.Notified.Load(), calls, time.Since(began).Round(time.Millisecond), l.restart, l.done)
	debug.FreeOSMemory() // TestMain switches collections off
}

func (l *life) startAll() {
	var err error
	if l.supervisor, err = Start(roleLifeSupervisor, l.shared); err != nil {
		l.Fatal(err)
	}
	l.restart++
	if err := l.supervisor.Conn.Send(l.mech.name, -1); err != nil {
		l.Fatal(err)
	}
	for i := range l.targets {
		l.startTarget(i)
	}
}

// startTarget starts a target whose listener only the supervisor has.
func (l *life) startTarget(i int) {
	l.led.Targets[i].Gone.Store(0)
	p, err := Start(roleLifeTarget, l.shared)
	if err != nil {
		l.Fatal(err)
	}
	l.targets[i] = p
	l.restart++
	spec := lifeSpec{Mech: l.mech.name, Slot: i, Block: i == 1, Path: l.program}
	if i == 2 {
		spec.Flags = abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	if err := p.Conn.Send(spec, -1); err != nil {
		l.Fatal(err)
	}
	fd, err := p.Conn.Recv(&l.tids[i])
	if err != nil || fd < 0 {
		l.Fatalf("target %d gives no listener: %v", i, err)
	}
	err = l.supervisor.Conn.Send(lifeOrder{Slot: i}, fd)
	unix.Close(fd)
	if err != nil {
		l.Fatal(err)
	}
}

// until waits for notifications, and signals targets meanwhile: often at first,
// and then seldom, as a signal costs a debug kernel as much as some notifications.
func (l *life) until(n uint64) {
	last, since, pause := uint64(0), time.Now(), time.Millisecond
	for l.led.Notified.Load() < n {
		if seen := l.led.Notified.Load(); seen != last {
			last, since = seen, time.Now()
		} else if time.Since(since) > lifePatience {
			l.Fatalf("nothing happens any more after %d notifications, %v", seen, l.done)
		}
		if l.led.Bad.Load() > 0 {
			l.Fatalf("a target saw %d", l.led.BadResult.Load())
		}
		if l.rng.IntN(4) == 0 {
			i := l.rng.IntN(lifeTargets)
			if err := unix.Tgkill(l.targets[i].PID(), l.tids[i], unix.SIGUSR1); err != nil {
				l.Fatalf("signal target %d: %v", i, err)
			}
			l.done["signals"]++
		}
		time.Sleep(pause)
		pause = min(pause*5/4, 200*time.Millisecond)
	}
}

func (l *life) killTarget() {
	i := l.rng.IntN(lifeTargets)
	l.targets[i].Kill()
	_ = l.targets[i].Wait()
	l.startTarget(i)
}

func (l *life) killSupervisor() {
	for i := range l.led.Targets {
		l.led.Targets[i].Gone.Store(1)
	}
	l.supervisor.Kill()
	_ = l.supervisor.Wait()
	for i := range l.targets {
		l.ended(i)
	}
	l.startAll()
}

func (l *life) closeListener() {
	i := l.rng.IntN(lifeTargets)
	l.led.Targets[i].Gone.Store(1)
	if err := l.supervisor.Conn.Send(lifeOrder{Slot: i, Close: true}, -1); err != nil {
		l.Fatal(err)
	}
	l.ended(i)
	l.startTarget(i)
}

// ended waits for a target that has a reason to end.
func (l *life) ended(i int) {
	timer := time.AfterFunc(lifePatience, func() { l.Errorf("target %d does not end", i); l.targets[i].Kill() })
	defer timer.Stop()
	if err := l.targets[i].Wait(); err != nil {
		l.Errorf("target %d ended with %v", i, err)
	}
}
