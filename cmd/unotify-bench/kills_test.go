package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"unotify-bench/bench"
)

// kill is one of TestFaultKills, and what became of the run.
type kill struct {
	Of     string // what was killed
	Signal string
	After  time.Duration // since the machine's start, or the command's
	Booted bool          // the machine had sent a row
	Kept   int           // rows in the results file afterwards
	Reused int           // of them, those that --resume did not measure again
}

// killRows is a run of some seconds: two machines, which measure for about as long as
// they boot.
const killRows = 2 * 6 * 2

func killRun(t *testing.T) *ground {
	t.Helper()
	return newGround(t, "run", "--on", "amd64", "--mech", "native,allow,errno,continue,reply,ptrace-syscall",
		"--syscall", "getppid,openat", "--count", "2", "--jobs", "1")
}

// calm is what the run leaves if nobody disturbs it, and how long it takes.
var calm struct {
	text string
	took time.Duration
}

// undisturbed makes the run, once.
func undisturbed(t *testing.T) (text string, took time.Duration) {
	t.Helper()
	if calm.text == "" {
		needGuests(t, "amd64")
		g := killRun(t)
		start := time.Now()
		text := g.completes(t)
		if got := len(lines(text)); got != killRows {
			t.Fatalf("%d rows, want %d", got, killRows)
		}
		calm.text, calm.took = text, time.Since(start)
	}
	return calm.text, calm.took
}

// killer kills one of a run at a random moment, and says whether that came in time.
// The run takes so long.
type killer func(t *testing.T, g *ground, k *kill, sig syscall.Signal, r *rand.Rand, took time.Duration) bool

// TestFaultKills kills QEMU, and then the command, at random moments of a run,
// and goes on with it.
func TestFaultKills(t *testing.T) {
	want, took := undisturbed(t)
	for _, tt := range []struct {
		of   string
		kill killer
		sigs []syscall.Signal
	}{
		{killed[0], killMachine, []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGTERM, syscall.SIGABRT}},
		{killed[1], killCommand, []syscall.Signal{syscall.SIGKILL}},
	} {
		t.Run(tt.of, func(t *testing.T) {
			var kills []kill
			r, early, kept := chance(t), 0, 0
			for n, tries := 0, 0; n < *faultsN; tries++ {
				if tries > 3**faultsN {
					t.Fatalf("%d of %d moments were after the end", tries-n, tries)
				}
				sig := tt.sigs[r.IntN(len(tt.sigs))]
				k := kill{Of: tt.of, Signal: signalName(sig)}
				g := killRun(t)
				if !tt.kill(t, g, &k, sig, r, took) {
					continue // it was over
				}
				n++
				text := g.text(t)
				among(t, want, text)
				k.Kept = len(lines(text))
				k.Reused = g.reused(t)
				same(t, want, g.completes(t))
				if t.Failed() {
					t.Fatalf("%v", k)
				}
				if testing.Verbose() {
					fmt.Fprintf(os.Stderr, "kill %d of %d: %v\n", n, *faultsN, k)
				}
				kills, kept = append(kills, k), kept+k.Reused
				if !k.Booted {
					early++
				}
			}
			// Leaks would have failed the test above.
			t.Logf("%d of %d kills of %s survived: %d before a row was there, %d later; %d rows were not measured again; 0 orphans, 0 files left",
				len(kills), *faultsN, tt.of, early, len(kills)-early, kept)
			recordKills(t, tt.of, kills)
		})
	}
}

// reused counts rows that are complete as far as the journal goes.
func (g *ground) reused(t *testing.T) (rows int) {
	t.Helper()
	if !g.journal() {
		return 0
	}
	begun := map[string]int{} // by machine
	for line := range strings.Lines(readText(t, g.path+".journal")) {
		var e entry[bench.Row]
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			break // what is cut is the last line
		}
		if begun[e.Unit]++; e.End {
			rows += begun[e.Unit] - 1
		}
	}
	return rows
}

// killMachine kills QEMU, in the first machine or the second.
func killMachine(t *testing.T, g *ground, k *kill, sig syscall.Signal, r *rand.Rand, took time.Duration) bool {
	t.Helper()
	c := g.command(t)
	c.start(t)
	nth := 1 + r.IntN(2)
	pid, start := c.machine(t, nth), time.Now()
	// Half of the moments are of the boot.
	if r.IntN(2) == 0 {
		time.Sleep(time.Duration(r.Float64() * float64(took) / 4))
	} else {
		for rows := (nth-1)*killRows/2 + 1 + r.IntN(killRows/2-1); pid != 0 && lives(pid) && len(lines(readText(t, g.path))) < rows; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
	}
	k.After = time.Since(start)
	before := len(lines(readText(t, g.path)))
	k.Booted = before%(killRows/2) > 0
	inTime := pid != 0 && lives(pid) && syscall.Kill(pid, sig) == nil
	status := c.status(t)
	switch {
	case status == exitOK && len(lines(g.text(t))) == killRows:
		return false // or the guest had said done
	case !inTime:
		t.Errorf("exit status %d of a run that nobody has disturbed\n%s", status, &c.stderr)
	case status != exitEnvironment:
		t.Errorf("exit status %d, want %d\n%s", status, exitEnvironment, &c.stderr)
	case !strings.Contains(c.stderr.String(), "QEMU"):
		t.Errorf("not told what happened: %q", &c.stderr)
	case len(lines(g.text(t))) < before:
		t.Errorf("%d rows kept, %d were there", len(lines(g.text(t))), before)
	}
	return true
}

// killCommand kills the command, with which QEMU has to end.
func killCommand(t *testing.T, g *ground, k *kill, sig syscall.Signal, r *rand.Rand, took time.Duration) bool {
	t.Helper()
	c := g.command(t)
	c.start(t)
	k.After = time.Duration(r.Float64() * float64(took))
	time.Sleep(k.After)
	k.Booted = len(lines(g.text(t))) > 0
	over := c.over(t)
	_ = c.Process.Signal(sig)
	c.status(t) // which looks for what it has left
	return !over
}

// killColumns heads the table of kills.
const killColumns = "killed\tsignal\tseconds\tphase\trows kept\tnot measured again\n"

// Phases of a machine.
const (
	booting   = "booting"
	measuring = "measuring"
)

// String is a line of the table.
func (k kill) String() string {
	phase := booting
	if k.Booted {
		phase = measuring
	}
	return fmt.Sprintf("%s\t%s\t%.3f\t%s\t%d\t%d", k.Of, k.Signal, k.After.Seconds(), phase, k.Kept, k.Reused)
}

func parseKill(line string) (k kill, err error) {
	f := strings.Split(line, "\t")
	if len(f) != 6 || f[3] != booting && f[3] != measuring {
		return k, errors.New("not a line of the table")
	}
	k.Of, k.Signal, k.Booted = f[0], f[1], f[3] == measuring
	seconds, e := strconv.ParseFloat(f[2], 64)
	k.After = time.Duration(seconds * float64(time.Second))
	k.Kept, err = strconv.Atoi(f[4])
	err = errors.Join(e, err)
	k.Reused, e = strconv.Atoi(f[5])
	return k, errors.Join(err, e)
}

// killed are what is killed.
var killed = []string{"QEMU", "command"}

// recordKills writes a table that is committed.
func recordKills(t *testing.T, of string, kills []kill) {
	t.Helper()
	if *faultsTables == "" {
		return
	}
	text := killColumns
	for _, k := range kills {
		text += k.String() + "\n"
	}
	writeFile(t, filepath.Join(*faultsTables, "kills-"+of+".tsv"), text)
}
