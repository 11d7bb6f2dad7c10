package main

import (
	"cmp"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"unotify-bench/internal/leak"
)

var (
	soakFor    = flag.Duration("soak.for", 0, "TestSoak: go on as long as this")
	soakOn     = flag.String("soak.on", "amd64", "TestSoak: the machines: amd64, arm64, riscv64, with commas between them")
	soakKernel = flag.String("soak.kernel", "patched", "TestSoak: and their kernel")
	soakOps    = flag.Int("soak.ops", 500, "TestSoak: operations of fuzz in each round, on each machine")
	soakJobs   = flag.Int("soak.jobs", runtime.NumCPU(), "TestSoak: machines at once")
	soakTable  = flag.String("soak.table", "", "TestSoak: file for a table of the rounds")
	soakLedger = flag.String("soak.ledger", "", "TestSoak: ledger of fuzz, to go on with (default: a new one)")
)

// soaked is what a host tool holds after a round.
type soaked struct {
	heap        uint64 // bytes of objects that are reachable
	resident    uint64 // bytes of memory, after what is free was given back
	goroutines  int
	descriptors int
}

// soak measures this process.
func soak(t *testing.T) (s soaked) {
	t.Helper()
	debug.FreeOSMemory()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	fds, err := leak.Descriptors()
	if err != nil {
		t.Fatal(err)
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return soaked{mem.HeapAlloc, pages * uint64(os.Getpagesize()), runtime.NumGoroutine(), len(fds)}
}

// TestSoak has one process measure, check and fuzz, again and again: its memory does not
// grow, nothing stays open, each round of measurements has the samples of the first, no
// check fails, and no operation is answered as it must not be. Two rounds are the least.
func TestSoak(t *testing.T) {
	on := strings.Split(*soakOn, ",")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range on {
		goBuild(t, arch, filepath.Join(filepath.Dir(self), "unotify-bench-linux-"+arch), "-trimpath", "-ldflags=-w", ".")
	}
	dir := t.TempDir()
	ledger := *soakLedger
	if ledger == "" {
		ledger = filepath.Join(dir, "fuzz.jsonl")
	}
	machines := []string{"--on", *soakOn, "--kernel", *soakKernel, "--jobs", strconv.Itoa(*soakJobs), "--quiet"}
	does := func(args ...string) string {
		t.Helper()
		args = slices.Concat(args, machines)
		status, out, complaints := runHere(args...)
		if status != exitOK {
			t.Fatalf("%q: status %d\n%s%s", args, status, out, complaints)
		}
		return out
	}
	table := [][]string{soakHead}
	before, err := openFuzzLedger(ledger)
	if err != nil {
		t.Fatal(err)
	}
	var all []soaked
	var results string
	measure, check := []string{"run", "--quick", "--count", "1"}, []string{"abi", "--expect", "patched", "-o", filepath.Join(dir, "abi.txt")}
	if *soakFor == 0 {
		measure, check = append(measure, "--mech", "native,inject"), append(check, "--mech", "inject")
	}
	for begin := time.Now(); len(all) < 2 || time.Since(begin) < *soakFor; {
		n := strconv.Itoa(len(before.pieces) + len(all) + 1)
		path := filepath.Join(dir, n+".txt")
		does(append(measure, "-o", path)...)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if results == "" {
			results = string(text)
		}
		same(t, results, string(text))
		does(check...)
		out := does("fuzz", "--length", "1", "--ops", strconv.Itoa(*soakOps), "--seed", n, "--ledger", ledger)
		after, err := openFuzzLedger(ledger)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(after.pieces), len(before.pieces)+(len(all)+1)*len(on); got != want {
			t.Fatalf("the ledger has %d lines after round %s, want %d", got, n, want)
		}
		s := soak(t)
		all = append(all, s)
		_, sum, _ := strings.Cut(out, ledger+": ")
		t.Logf("round %s, %v: %d B of heap, %d B resident, %d goroutines, %d descriptors; %s",
			n, time.Since(begin).Round(time.Second), s.heap, s.resident, s.goroutines, s.descriptors, strings.TrimSpace(sum))
		table = append(table, []string{
			n, fmt.Sprintf("%.1f", time.Since(begin).Minutes()), strconv.FormatUint(s.heap, 10),
			strconv.FormatUint(s.resident, 10), strconv.Itoa(s.goroutines), strconv.Itoa(s.descriptors),
		})
		writeSoak(t, table)
	}
	for _, what := range grown(all) {
		t.Error(what)
	}
}

// grown says what a process holds more of after the last of its rounds.
func grown(all []soaked) (more []string) {
	first, last := all[0], all[len(all)-1]
	if last.goroutines != first.goroutines || last.descriptors != first.descriptors {
		more = append(more, fmt.Sprintf("after the first round there were %d goroutines and %d descriptors, after the last %d and %d",
			first.goroutines, first.descriptors, last.goroutines, last.descriptors))
	}
	// What a first round leaves for the next ones, as what is read once, does not grow.
	var most soaked
	for _, s := range all[:(len(all)+1)/2] {
		most.heap, most.resident = max(most.heap, s.heap), max(most.resident, s.resident)
	}
	const slack, slackResident = 1 << 20, 8 << 20 // the latter is what the runtime has for later
	if last.heap > most.heap+slack {
		more = append(more, fmt.Sprintf("%d bytes of heap are held after the last round, at most %d in the first half", last.heap, most.heap))
	}
	if last.resident > most.resident+slackResident {
		more = append(more, fmt.Sprintf("%d bytes are resident after the last round, at most %d in the first half", last.resident, most.resident))
	}
	return more
}

// TestGrown: what is once, and what varies, is no growth.
func TestGrown(t *testing.T) {
	for _, tt := range []struct {
		name string
		all  []soaked
		want int
	}{
		{"the same", []soaked{{1e6, 2e7, 2, 9}, {1e6, 2e7, 2, 9}, {1e6, 2e7, 2, 9}}, 0},
		{"a first round that reads what others need", []soaked{{1e6, 2e7, 2, 9}, {4e6, 6e7, 2, 9}, {4.5e6, 6e7, 2, 9}, {4.5e6, 6e7, 2, 9}}, 0},
		{"heap", []soaked{{1e6, 2e7, 2, 9}, {2e6, 2e7, 2, 9}, {3.2e6, 2e7, 2, 9}}, 1},
		{"memory that is not the heap's", []soaked{{1e6, 2e7, 2, 9}, {1e6, 2.5e7, 2, 9}, {1e6, 3.5e7, 2, 9}}, 1},
		{"a goroutine", []soaked{{1e6, 2e7, 2, 9}, {1e6, 2e7, 3, 9}}, 1},
		{"a descriptor and all else", []soaked{{1e6, 2e7, 2, 9}, {3e6, 4e7, 2, 10}}, 3},
	} {
		if got := grown(tt.all); len(got) != tt.want {
			t.Errorf("%s: %q, want %d", tt.name, got, tt.want)
		}
	}
}

// TestREADMESoak checks that docs/reliability.md has what the committed soak came to,
// and that nothing had grown in it.
func TestREADMESoak(t *testing.T) {
	table := csv.NewReader(strings.NewReader(readText(t, filepath.Join("..", "..", "results", "soak.tsv"))))
	table.Comma = '\t'
	rows, err := table.ReadAll()
	if err != nil || len(rows) < 3 || !slices.Equal(rows[0], soakHead) {
		t.Fatalf("soak.tsv has %d rows of %q (%v)", len(rows), rows[:min(len(rows), 1)], err)
	}
	var minutes float64
	var all []soaked
	for i, row := range rows[1:] {
		var n int
		var s soaked
		if _, err := fmt.Sscan(strings.Join(row, " "), &n, &minutes, &s.heap, &s.resident, &s.goroutines, &s.descriptors); err != nil || n != i+1 {
			t.Fatalf("soak.tsv has %q (%v)", row, err)
		}
		if all = append(all, s); s.goroutines != all[0].goroutines || s.descriptors != all[0].descriptors {
			t.Errorf("soak.tsv has %q, which are not those of the first round", row)
		}
	}
	for _, what := range grown(all) {
		t.Error(what)
	}
	by := func(what func(soaked) uint64) (least, most float64) {
		compare := func(a, b soaked) int { return cmp.Compare(what(a), what(b)) }
		return float64(what(slices.MinFunc(all, compare))) / 1e6, float64(what(slices.MaxFunc(all, compare))) / 1e6
	}
	leastHeap, mostHeap := by(func(s soaked) uint64 { return s.heap })
	least, most := by(func(s soaked) uint64 { return s.resident })
	generatedIn(t, filepath.Join("docs", "reliability.md"), "-run TestREADMESoak -update -->\n", "<!-- end of soak -->",
		fmt.Sprintf("%d rounds in %.0f minutes: after each %.2f to %.2f MB of heap, %.1f to %.1f MB resident, %d goroutines, %d descriptors.\n",
			len(all), minutes, leastHeap, mostHeap, least, most, all[0].goroutines, all[0].descriptors))
}

// soakHead names what writeSoak writes.
var soakHead = []string{"round", "minutes", "heap-B", "resident-B", "goroutines", "descriptors"}

func writeSoak(t *testing.T, table [][]string) {
	t.Helper()
	if *soakTable == "" {
		return
	}
	f, err := os.Create(*soakTable)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Comma = '\t'
	if err := w.WriteAll(table); err != nil {
		t.Fatal(err)
	}
}
