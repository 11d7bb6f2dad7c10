package main

import (
	"slices"
	"testing"

	"unotify-bench/abi/suite"
	"unotify-bench/results/lengths"
)

// TestShardChecks: the parts are all of it, in its order and nothing twice, and about
// as long; also on a kernel that has nothing of what is proposed, and skips it.
func TestShardChecks(t *testing.T) {
	table, err := lengths.Read()
	if err != nil {
		t.Fatal(err)
	}
	length := func(checks []*suite.Check) (sum float64) {
		for _, c := range checks {
			if l := table.Mean(c.ID); l > 0 {
				sum += l
			}
		}
		return sum
	}
	all := suite.Catalogue()
	stock, _ := halves(all)
	for _, parts := range []int{1, 2, 3, 4, 5, 6, 7, 8, len(all), 1 << 40} {
		var longest, longestStock float64
		seen := map[*suite.Check]bool{}
		for part := 1; part <= min(parts, len(all)+1); part++ {
			checks, err := shardChecks(all, part, parts)
			if err != nil {
				t.Fatal(err)
			}
			if len(checks) == 0 && part <= len(all) {
				t.Errorf("part %d of %d is empty", part, parts)
			}
			last := -1
			for _, c := range checks {
				i := slices.Index(all, c)
				if seen[c] || i <= last {
					t.Fatalf("%s is in two of %d parts, or not in the catalogue's order", c.ID, parts)
				}
				seen[c], last = true, i
			}
			bare, _ := halves(checks)
			longest, longestStock = max(longest, length(checks)), max(longestStock, length(bare))
		}
		if len(seen) != len(all) {
			t.Errorf("%d parts have %d checks, want %d", parts, len(seen), len(all))
		}
		mean := func(whole []*suite.Check) float64 { return length(whole) / float64(parts) }
		if parts <= 8 && (longest > 1.05*mean(all) || longestStock > 1.05*mean(stock)) {
			t.Errorf("the longest of %d parts has %.3f of their mean, on a stock kernel %.3f; want 1.05 at most",
				parts, longest/mean(all), longestStock/mean(stock))
		}
	}
}
