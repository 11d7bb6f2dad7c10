//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Go's runtime does its worst to the threads that run the assembly: garbage
// collection, growing stacks, preemption signals, and profiling signals that
// walk the stack from amid the assembly with every register foreign.
func TestStress(t *testing.T) {
	// Every worker goes on until all of this has happened to the process.
	const (
		wantRounds      = 20
		wantSignals     = 300
		wantCollections = 5
	)
	counter := usable(t)[0]
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Fatalf("this test profiles by itself: %v", err)
	}

	// One CPU that makes an instruction a nanosecond (QEMU's icount) would do
	// nothing but handle signals.
	pause := 20 * time.Microsecond
	if runtime.NumCPU() == 1 {
		pause = 2 * time.Millisecond
	}
	var tids sync.Map
	var stop atomic.Bool
	var signals, collections atomic.Int64
	var noise sync.WaitGroup
	noise.Go(func() {
		pid := os.Getpid()
		for !stop.Load() {
			for _, sig := range []unix.Signal{unix.SIGURG, unix.SIGPROF} {
				unix.Kill(pid, sig)
				tids.Range(func(tid, _ any) bool {
					if unix.Tgkill(pid, tid.(int), sig) == nil {
						signals.Add(1)
					}
					return true
				})
			}
			time.Sleep(pause) // leave the workers some time
		}
	})
	noise.Go(func() {
		for !stop.Load() {
			garbage := make([][]byte, 64)
			for i := range garbage {
				garbage[i] = make([]byte, 4096)
			}
			runtime.KeepAlive(garbage)
			runtime.GC()
			collections.Add(1)
		}
	})

	errs := make(chan error, 4)
	var workers sync.WaitGroup
	for w := range cap(errs) {
		workers.Go(func() {
			if w%2 == 0 {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				tid := unix.Gettid()
				tids.Store(tid, true)
				defer tids.Delete(tid)
			}
			for round := 0; round < wantRounds || signals.Load() < wantSignals ||
				collections.Load() < wantCollections; round++ {
				if err := deep(round%20, func() error { return stressRound(w, round, counter) }); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	workers.Wait()
	stop.Store(true)
	noise.Wait()
	pprof.StopCPUProfile()
	close(errs)
	for err := range errs {
		t.Error(err)
	}

	t.Logf("%d signals to threads, %d collections", signals.Load(), collections.Load())
	// The profile names the functions that it found on the stacks.
	for _, name := range []string{"asmstubs.run", "asmstubs.stressRound"} {
		if !bytes.Contains(gunzip(t, profile.Bytes()), []byte(name)) {
			t.Errorf("no profiling signal hit %s: it proves nothing of it", name)
		}
	}
}

// deep calls f on a stack that had to grow.
//
//go:noinline
func deep(n int, f func() error) error {
	var pad [1024]byte
	pad[n] = 1
	if n > 0 {
		return deep(n-int(pad[n]), f)
	}
	return f()
}

func stressRound(w, round int, c Counter) error {
	for n := range 100 {
		f := getppid(func(i int) uint64 {
			return uint64(w)<<56 | uint64(round)<<40 | uint64(n)<<24 | uint64(i)
		}, uint64(n)*0x0101_0101_0101_0101)
		Call(f)
		if diff := diffRegs(expect(f), f.Out); diff != "" || f.FlagsIn != f.FlagsOut {
			return fmt.Errorf("worker %d round %d call %d: flags %#x became %#x, registers (-want +got):\n%s",
				w, round, n, f.FlagsIn, f.FlagsOut, diff)
		}
	}
	ppid := uint64(os.Getppid())
	script := []Step{
		{Nr: unix.SYS_GETPPID, Want: ppid},
		{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed},
		{Nr: unix.SYS_CLOSE, Args: [6]uint64{^uint64(0)}, Want: failed(unix.EBADF)},
	}
	batch := []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}
	for _, l := range []Loop{
		{Steps: &script[0], NSteps: 3, Iter: 500, Batch: 1},
		{Steps: &batch[0], NSteps: 1, Iter: 1500, Batch: 3},
	} {
		deltas := room(500)
		l.Deltas, l.Counter = &deltas[0], c
		Run(&l)
		if l.Done != l.Iter {
			return fmt.Errorf("worker %d round %d: done %d of %d, step %d returned %#x",
				w, round, l.Done, l.Iter, l.BadStep, l.BadResult)
		}
		if i := slices.Index(deltas, untouched); i >= 0 {
			return fmt.Errorf("worker %d round %d: delta %d was not written", w, round, i)
		}
	}
	return nil
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("profile: %v", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("profile: %v", err)
	}
	return text
}
