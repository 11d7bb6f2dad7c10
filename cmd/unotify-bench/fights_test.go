package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fightRun is a run of a second.
var fightRun = []string{"run", "--on", "host", "--mech", "native,errno,reply", "--syscall", "getppid", "--run", "cpus=same", "--count", "2", "--time", "20ms", "--quiet"}

// TestFaultFights starts runs at once that want one file, beside others that have
// one state directory, and one for temporary files, and kills one of them at a
// random moment.
func TestFaultFights(t *testing.T) {
	whole := newGround(t, fightRun...)
	start := time.Now()
	text := whole.completes(t)
	took, want := time.Since(start), names(results(t, whole.path))
	r, won := chance(t), map[string]int{}
	for range *faultsN {
		g, state := newGround(t, fightRun...), t.TempDir()
		var fighters []*command
		for i := range 5 {
			c := g.command(t)
			if i >= 3 {
				c.Args = append([]string{c.Args[0]}, fightRun...) // -o is its own
			}
			c.Env = append(c.Env, "XDG_STATE_HOME="+state)
			fighters = append(fighters, c)
		}
		for _, c := range fighters {
			c.start(t)
		}
		victim, sig := r.IntN(3), []syscall.Signal{syscall.SIGKILL, syscall.SIGINT}[r.IntN(2)]
		time.Sleep(time.Duration(r.Float64() * float64(took)))
		_ = syscall.Kill(-fighters[victim].Process.Pid, sig)
		winners := 0
		for i, c := range fighters {
			status := c.status(t)
			won[outcome(status)]++
			refused := strings.Contains(c.stderr.String(), "choose another file")
			switch {
			case i < 3 && status == exitUsage && refused:
			case status == exitOK && i < 3:
				winners++
			case status == exitOK:
			case i == victim && (status == -1 || status == exitInterrupted):
			default:
				t.Errorf("run %d of 5, %v: exit status %d\n%s", i+1, sig, status, &c.stderr)
			}
		}
		if winners > 1 {
			t.Errorf("%d runs have written one file", winners)
		}
		g.text(t) // has whole lines
		if diff := cmp.Diff(want, twice(t, g)); diff != "" {
			t.Errorf("rows (-undisturbed +resumed):\n%s", diff)
		}
		checkState(t, filepath.Join(state, "unotify-bench"), 2, want)
	}
	t.Logf("%d fights of 5 runs: %v; every file is one run's, and has its %d rows", *faultsN, won, len(lines(text)))
}

// outcome names an exit status.
func outcome(status int) string {
	return map[int]string{exitOK: "complete", exitUsage: "refused", exitInterrupted: "interrupted", -1: "killed"}[status]
}

// twice goes on with a run by two at once, and returns the rows in the end.
func twice(t *testing.T, g *ground) []string {
	t.Helper()
	if g.journal() {
		a, b := g.command(t), g.command(t)
		a.start(t)
		b.start(t)
		for _, c := range []*command{a, b} {
			if got := c.status(t); got != exitOK && got != exitUsage {
				t.Errorf("exit status %d of one of two that resume\n%s", got, &c.stderr)
			}
		}
	}
	g.completes(t)
	return names(results(t, g.path))
}

// checkState wants so many whole files there, and nothing else.
func checkState(t *testing.T, dir string, files int, want []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != files {
		t.Errorf("%v, want %d files: %v", entries, files, err)
	}
	for _, e := range entries {
		if got := names(results(t, filepath.Join(dir, e.Name()))); !slices.Equal(got, want) {
			t.Errorf("%s has the rows %q", e.Name(), got)
		}
	}
}
