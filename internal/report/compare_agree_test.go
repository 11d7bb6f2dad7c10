package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAgrees compares committed results with themselves, changed at random,
// and wants of each row and unit what benchstat says: medians, intervals,
// differences, chances, geometric means.
func TestAgrees(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new []func(*rand.Rand, []string) []string
	}{
		{"riscv64", nil, nil},
		{"amd64", nil, changes(slow, less)},
		{"arm64", changes(twice), changes(twice, slow)},
		{"host", nil, changes(slow, less, exact)},
		{"host", changes(twice, twice), changes(slow)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "..", "results", tt.name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var paths [2]string
			for side, edits := range [][]func(*rand.Rand, []string) []string{tt.old, tt.new} {
				rnd := rand.New(rand.NewPCG(6, uint64(side)))
				lines := strings.SplitAfter(string(data), "\n")
				for _, edit := range edits {
					lines = edit(rnd, lines)
				}
				paths[side] = filepath.Join(dir, []string{"old.txt", "new.txt"}[side])
				if err := os.WriteFile(paths[side], []byte(strings.Join(lines, "")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ours, theirs := ourRows(t, paths), theirRows(t, paths)
			if len(theirs) < 100 {
				t.Fatalf("benchstat prints %d rows only", len(theirs))
			}
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("(-benchstat +compare):\n%s", diff)
			}
		})
	}
}

func changes(edits ...func(*rand.Rand, []string) []string) []func(*rand.Rand, []string) []string {
	return edits
}

// slow scales a third of the lines, all their values alike: quantiles stay in
// order.
func slow(rnd *rand.Rand, lines []string) []string {
	for i, l := range lines {
		f := strings.Fields(l)
		if !strings.HasPrefix(l, "Benchmark") || rnd.IntN(3) > 0 {
			continue
		}
		by := 0.9 + rnd.Float64()/3
		for j := 2; j < len(f); j += 2 {
			v, err := strconv.ParseFloat(f[j], 64)
			if err != nil {
				panic(err) // a committed result
			}
			f[j] = fmt.Sprintf("%.3f", v*by)
		}
		lines[i] = strings.Join(f, " ") + "\n"
	}
	return lines
}

// less leaves out every tenth result.
func less(rnd *rand.Rand, lines []string) []string {
	var out []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "Benchmark") || rnd.IntN(10) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// twice makes enough runs for an interval.
func twice(rnd *rand.Rand, lines []string) []string {
	return append(lines, slow(rnd, append([]string(nil), lines...))...)
}

// exact says that a unit has no noise.
func exact(_ *rand.Rand, lines []string) []string {
	return append([]string{"Unit csw/op assume=exact\n"}, lines...)
}

// ourRows is what Compare finds, in the words of benchstat's csv.
func ourRows(t *testing.T, paths [2]string) map[string][]string {
	t.Helper()
	var files [2]*File
	for i, path := range paths {
		f, err := ReadFile(path)
		if err == nil {
			err = errors.Join(f.Warnings...)
		}
		if err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	c, err := Compare(files[0], files[1], CompareOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for _, p := range c.Pairings {
		for _, q := range p.Pairs {
			rows[p.Unit+" "+q.Name] = []string{
				fmt.Sprint(q.Old.Center), q.Old.PctRangeString(), fmt.Sprint(q.New.Center), q.New.PctRangeString(),
				q.FormatDelta(q.Old.Center, q.New.Center), q.Comparison.String(),
			}
		}
		// benchstat's first column has the rows that only one file has, too.
		if f, ok := p.geomean(); ok {
			rows[p.Unit+" geomean"] = []string{f.Delta}
		}
	}
	return rows
}

// theirRows runs the benchstat of go.mod. What is compared may differ in the
// kernel, which is there by default a reason for another table.
func theirRows(t *testing.T, paths [2]string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "tool", "benchstat", "-format", "csv", "-table", "goarch,accel,clock", "-ignore", "kernel,kernel-sha256", paths[0], paths[1])
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	rows := make(map[string][]string)
	r := csv.NewReader(&out)
	r.FieldsPerRecord = -1
	unit := ""
	for {
		f, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			if len(rows) == 0 {
				t.Fatalf("benchstat prints nothing:\n%s", &stderr)
			}
			return rows
		case err != nil:
			t.Fatal(err)
		case len(f) > 2 && f[2] == "CI":
			unit = f[1]
		case len(f) == 7 && f[0] == "geomean":
			rows[unit+" geomean"] = []string{f[5]}
		case len(f) == 7 && f[0] != "" && f[1] != "" && f[3] != "" && f[6] != "":
			rows[unit+" "+f[0]] = f[1:]
		}
	}
}

// TestTheyDiffer makes sure that TestAgrees could fail: its files differ in
// what it compares.
func TestTheyDiffer(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "results", "amd64.txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	before, after := filepath.Join(dir, "old.txt"), filepath.Join(dir, "new.txt")
	lines := strings.SplitAfter(string(data), "\n")
	changed := slow(rand.New(rand.NewPCG(6, 1)), append([]string(nil), lines...))
	for path, l := range map[string][]string{before: lines, after: changed} {
		if err := os.WriteFile(path, []byte(strings.Join(l, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same, other := ourRows(t, [2]string{before, before}), ourRows(t, [2]string{before, after})
	if maps.EqualFunc(same, other, func(a, b []string) bool { return cmp.Equal(a, b) }) {
		t.Error("a file that was changed compares as one that was not")
	}
}
