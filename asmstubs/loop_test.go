//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const untouched = ^uint64(0)

// room returns a buffer that shows which entries were written.
func room(n int) []uint64 {
	deltas := make([]uint64, n)
	for i := range deltas {
		deltas[i] = untouched
	}
	return deltas
}

func TestRunDeltas(t *testing.T) {
	ppid := uint64(os.Getppid())
	for _, c := range usable(t) {
		for _, row := range []struct {
			name        string
			iter, batch uint64
			steps       []Step
		}{
			{"none", 0, 1, []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}},
			{"each", 1000, 1, []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}},
			{"each of any result", 1000, 1, []Step{{Nr: unix.SYS_GETPPID, Want: ^ppid, Flags: Timed | AnyResult}}},
			{"batches", 1000, 50, []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}},
			{"batches of any result", 1000, 50, []Step{{Nr: unix.SYS_GETPPID, Want: ^ppid, Flags: Timed | AnyResult}}},
			{"no batch", 0, 50, []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}},
			{"one batch", 50, 50, []Step{{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed}}},
			{"second of three steps", 1000, 1, []Step{
				{Nr: unix.SYS_GETPPID, Want: ppid},
				{Nr: unix.SYS_GETPPID, Want: ppid, Flags: Timed},
				{Nr: unix.SYS_GETPPID, Want: ppid},
			}},
		} {
			t.Run(c.String()+"/"+row.name, func(t *testing.T) {
				n := int(row.iter / row.batch)
				deltas := room(n + 1)
				l := Loop{
					Steps: &row.steps[0], NSteps: uint64(len(row.steps)),
					Iter: row.iter, Batch: row.batch,
					Deltas: &deltas[0], Counter: c,
				}
				before := ReadCounter(c)
				Run(&l)
				after := ReadCounter(c)

				if l.Done != row.iter {
					t.Fatalf("done %d of %d iterations; step %d returned %#x", l.Done, row.iter, l.BadStep, l.BadResult)
				}
				var sum uint64
				for i, d := range deltas[:n] {
					if d == untouched || d == 0 && fine(c) {
						t.Fatalf("delta %d is %#x", i, d)
					}
					sum += d
				}
				if deltas[n] != untouched {
					t.Errorf("wrote past %d deltas", n)
				}
				if sum == 0 && n > 0 || sum > after-before {
					t.Errorf("deltas sum up to %d, of %d that passed", sum, after-before)
				}
			})
		}
	}
}

// Each script gets a pipe of 16 buffers that nobody reads, so that the 17th
// write of a page fails: 16 iterations are good, whatever the batch.
func TestRunStopsAtBadResult(t *testing.T) {
	const good = 16
	page := make([]byte, os.Getpagesize())
	ppid := uint64(os.Getppid())
	full := failed(unix.EAGAIN)
	type outcome struct {
		Done, BadStep, BadResult uint64
		Deltas                   int
	}
	for _, row := range []struct {
		name        string
		iter, batch uint64
		before      int // getppid steps before the write
		timed       bool
		any         bool
		want        outcome
	}{
		{"first step", 100, 1, 0, true, false, outcome{good, 0, full, good + 1}},
		{"third step", 100, 1, 2, true, false, outcome{good, 2, full, good + 1}},
		{"not timed", 100, 1, 2, false, false, outcome{good, 2, full, 0}},
		{"just not reached", good, 1, 2, true, false, outcome{good, 0, 0, good}},
		{"any result", 100, 1, 2, true, true, outcome{100, 0, 0, 100}},
		{"amid a batch", 100, 5, 0, true, false, outcome{good, 0, full, good / 5}},
		{"first of a batch", 80, 8, 0, true, false, outcome{good, 0, full, good / 8}},
		{"last of a batch", 170, 17, 0, true, false, outcome{good, 0, full, 0}},
		{"batch of any result", 100, 5, 0, true, true, outcome{100, 0, 0, 20}},
	} {
		for _, c := range usable(t) {
			t.Run(c.String()+"/"+row.name, func(t *testing.T) {
				fd := narrowPipe(t, good*len(page))
				write := Step{
					Nr:   unix.SYS_WRITE,
					Args: [6]uint64{uint64(fd), address(page), uint64(len(page))},
					Want: uint64(len(page)),
				}
				if row.timed {
					write.Flags |= Timed
				}
				if row.any {
					write.Flags |= AnyResult
				}
				var steps []Step
				for range row.before {
					steps = append(steps, Step{Nr: unix.SYS_GETPPID, Want: ppid})
				}
				steps = append(steps, write)
				deltas := room(int(row.iter/row.batch) + 1)
				l := Loop{
					Steps: &steps[0], NSteps: uint64(len(steps)),
					Iter: row.iter, Batch: row.batch,
					Deltas: &deltas[0], Counter: c,
				}
				Run(&l)
				written := 0
				for written < len(deltas) && deltas[written] != untouched {
					written++
				}
				got := outcome{l.Done, l.BadStep, l.BadResult, written}
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// failed is the result of a syscall that fails with errno.
func failed(errno syscall.Errno) uint64 { return -uint64(errno) }

// narrowPipe returns the write end of a pipe that holds n bytes.
func narrowPipe(t *testing.T, n int) int {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatalf("pipe2: %v", err)
	}
	t.Cleanup(func() {
		unix.Close(p[0])
		unix.Close(p[1])
	})
	if size, err := unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, n); err != nil || size != n {
		t.Fatalf("a pipe of %d bytes: got %d, %v", n, size, err)
	}
	return p[1]
}

// The script of an openat row: what openat returns is what close gets.
func TestRunOpenClose(t *testing.T) {
	path := []byte("/\x00")
	fd, err := unix.Open("/", unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatalf("open /: %v", err)
	}
	unix.Close(fd) // the lowest that is free, so the next one too
	at := int64(unix.AT_FDCWD)
	open := Step{
		Nr:   unix.SYS_OPENAT,
		Args: [6]uint64{uint64(at), address(path), unix.O_DIRECTORY | unix.O_CLOEXEC},
		Want: uint64(fd),
	}
	shut := Step{Nr: unix.SYS_CLOSE, Args: [6]uint64{uint64(fd)}}
	timed := open
	timed.Flags = Timed
	for _, row := range []struct {
		name   string
		steps  []Step
		timed  bool
		done   uint64
		bad    uint64
		result uint64
	}{
		{"open, close", []Step{timed, shut}, true, 500, 0, 0},
		{"open, open, close, close: the second is another", []Step{open, timed, shut, shut}, true, 0, 1, uint64(fd) + 1},
		{"open, close, close", []Step{open, shut, shut}, false, 0, 2, failed(unix.EBADF)},
	} {
		t.Run(row.name, func(t *testing.T) {
			deltas := room(500)
			l := Loop{
				Steps: &row.steps[0], NSteps: uint64(len(row.steps)),
				Iter: 500, Batch: 1, Counter: fallback(),
			}
			if row.timed {
				l.Deltas = &deltas[0]
			}
			Run(&l)
			if l.Done != row.done || l.BadStep != row.bad || l.BadResult != row.result {
				t.Errorf("done %d, bad step %d result %#x; want %d, %d, %#x",
					l.Done, l.BadStep, l.BadResult, row.done, row.bad, row.result)
			}
			unix.Close(fd)
			unix.Close(fd + 1)
		})
	}
}

func TestRunRefusesMalformed(t *testing.T) {
	plain := []Step{{Nr: unix.SYS_GETPPID, Flags: AnyResult}}
	timed := []Step{{Nr: unix.SYS_GETPPID, Flags: Timed | AnyResult}}
	two := append(timed, timed...)
	mixed := append(timed, plain...)
	deltas := room(8)
	c := fallback()
	for _, row := range []struct {
		name string
		l    Loop
		want string
	}{
		{"no steps", Loop{Iter: 8, Batch: 1, Deltas: &deltas[0], Counter: c},
			"asmstubs: loop without steps"},
		{"two timed", Loop{Steps: &two[0], NSteps: 2, Iter: 8, Batch: 1, Deltas: &deltas[0], Counter: c},
			"asmstubs: 2 timed steps, a script has at most one"},
		{"no room", Loop{Steps: &timed[0], NSteps: 1, Iter: 8, Batch: 1, Counter: c},
			"asmstubs: a timed step and no room for its deltas"},
		{"no counter", Loop{Steps: &timed[0], NSteps: 1, Iter: 8, Batch: 1, Deltas: &deltas[0]},
			"asmstubs: this architecture has no counter Counter(0)"},
		{"batch of none", Loop{Steps: &timed[0], NSteps: 1, Iter: 8, Deltas: &deltas[0], Counter: c},
			"asmstubs: a batch of 0 does not divide 8 iterations"},
		{"odd batch", Loop{Steps: &timed[0], NSteps: 1, Iter: 8, Batch: 3, Deltas: &deltas[0], Counter: c},
			"asmstubs: a batch of 3 does not divide 8 iterations"},
		{"batch of two steps", Loop{Steps: &mixed[0], NSteps: 2, Iter: 8, Batch: 4, Deltas: &deltas[0], Counter: c},
			"asmstubs: a batch needs one step, and that timed; there are 2, 1 timed"},
		{"batch of a plain step", Loop{Steps: &plain[0], NSteps: 1, Iter: 8, Batch: 4, Counter: c},
			"asmstubs: a batch needs one step, and that timed; there are 1, 0 timed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if err == nil || err.Error() != row.want {
					t.Errorf("Run panicked with %v, want %s", err, row.want)
				}
			}()
			Run(&row.l)
		})
	}
}
