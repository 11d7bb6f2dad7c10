package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/results/lengths"
)

var measured = flag.String("lengths", "", "make results/lengths/checks.tsv of this output of abi --format json")

// TestLengths: the committed lengths are of checks that there are, and of nearly
// all; -lengths FILE writes them anew.
func TestLengths(t *testing.T) {
	path := filepath.Join("..", "..", "results", "lengths", "checks.tsv")
	var ids []string
	for _, c := range suite.Catalogue() {
		ids = append(ids, c.ID)
	}
	table, err := lengths.Read()
	if *measured != "" {
		if table, err = lengthsOf(*measured); err == nil {
			err = os.WriteFile(path, []byte(table.Format(ids)), 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(table.Format(ids), readText(t, path)); d != "" {
		t.Errorf("checks.tsv is not in the order of the catalogue, or has what is not in it (-want +got):\n%s", d)
	}
	if d := cmp.Diff(archNames(arches()), table.Arches); d != "" {
		t.Errorf("architectures (-want +got):\n%s", d)
	}
	// A new check need not be measured at once.
	if n := len(table.Checks); n*10 < len(ids)*9 {
		t.Errorf("%d of %d checks have a length: measure anew, as results/README.md says", n, len(ids))
	}
}

// lengthsOf makes a table of a report of checks.
func lengthsOf(path string) (*lengths.Table, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Where, ID      string
		Began, Seconds float64
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, err
	}
	table := &lengths.Table{Checks: map[string][]time.Duration{}}
	for _, r := range rows {
		i := slices.Index(table.Arches, r.Where)
		if i < 0 {
			i = len(table.Arches)
			table.Arches = append(table.Arches, r.Where)
			table.Boot = append(table.Boot, time.Duration(math.Round(r.Began*1e9)))
		}
		if len(table.Checks[r.ID]) != i {
			return nil, fmt.Errorf("%s has not been checked everywhere", r.ID)
		}
		table.Checks[r.ID] = append(table.Checks[r.ID], time.Duration(math.Round(r.Seconds*1e9)))
	}
	return table, nil
}
