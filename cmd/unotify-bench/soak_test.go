package main

import (
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
	first, last := all[0], all[len(all)-1]
	if last.goroutines != first.goroutines || last.descriptors != first.descriptors {
		t.Errorf("after the first round there were %d goroutines and %d descriptors, after the last %d and %d",
			first.goroutines, first.descriptors, last.goroutines, last.descriptors)
	}
	// What a first round leaves for the next ones, as what is read once, does not grow.
	var most soaked
	for _, s := range all[:(len(all)+1)/2] {
		most.heap, most.resident = max(most.heap, s.heap), max(most.resident, s.resident)
	}
	const slack, slackResident = 1 << 20, 8 << 20 // the latter is what the runtime has for later
	if last.heap > most.heap+slack {
		t.Errorf("%d bytes of heap are held after the last round, at most %d in the first half", last.heap, most.heap)
	}
	if last.resident > most.resident+slackResident {
		t.Errorf("%d bytes are resident after the last round, at most %d in the first half", last.resident, most.resident)
	}
}

// TestREADMESoak checks that docs/reliability.md has what the committed soak came to.
func TestREADMESoak(t *testing.T) {
	table := csv.NewReader(strings.NewReader(readText(t, filepath.Join("..", "..", "results", "soak.tsv"))))
	table.Comma = '\t'
	rows, err := table.ReadAll()
	if err != nil || len(rows) < 3 || !slices.Equal(rows[0], soakHead) {
		t.Fatalf("soak.tsv has %d rows of %q (%v)", len(rows), rows[:min(len(rows), 1)], err)
	}
	rows = rows[1:]
	least, most := make([]float64, len(soakHead)), make([]float64, len(soakHead))
	for i, row := range rows {
		for c, cell := range row {
			n, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				least[c] = n
			}
			least[c], most[c] = min(least[c], n), max(most[c], n)
		}
	}
	if least[4] != most[4] || least[5] != most[5] {
		t.Errorf("%v to %v goroutines, %v to %v descriptors", least[4], most[4], least[5], most[5])
	}
	generatedIn(t, filepath.Join("docs", "reliability.md"), "-run TestREADMESoak -update -->\n", "<!-- end of soak -->",
		fmt.Sprintf("%d rounds in %.0f minutes: after each %.2f to %.2f MB of heap, %.1f to %.1f MB resident, %.0f goroutines, %.0f descriptors.\n",
			len(rows), most[1], least[2]/1e6, most[2]/1e6, least[3]/1e6, most[3]/1e6, most[4], most[5]))
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
