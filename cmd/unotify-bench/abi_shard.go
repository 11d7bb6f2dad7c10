package main

import (
	"slices"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
	"unotify-bench/results/lengths"
)

// shardChecks is a part of checks. All parts take about as long, by what was
// measured of our kernels: on every kernel, host and machine the part is the same.
// What a released kernel skips is dealt out by itself, so that there, too, no part is
// much longer than another: dealt out together, the longest of 7 was half as long
// again as their mean.
func shardChecks(checks []*suite.Check, part, parts int) ([]*suite.Check, error) {
	if parts == 1 {
		return checks, nil
	}
	if part > len(checks) {
		return nil, nil
	}
	table, err := lengths.Read()
	if err != nil {
		return nil, err
	}
	parts = min(parts, len(checks)) // of more parts the first have one check each
	mine := map[*suite.Check]bool{}
	deal := func(some []*suite.Check, part int) {
		took := make([]float64, len(some))
		for i, c := range some {
			took[i] = table.Mean(c.ID)
		}
		for _, i := range lava.Balance(took, parts)[part-1] {
			mine[some[i]] = true
		}
	}
	stock, proposed := halves(checks)
	deal(stock, part)
	deal(proposed, parts+1-part) // few checks make no part longer twice
	return slices.DeleteFunc(slices.Clone(checks), func(c *suite.Check) bool { return !mine[c] }), nil
}

// halves are what runs on every kernel that has listeners, and what does not.
func halves(checks []*suite.Check) (stock, proposed []*suite.Check) {
	for _, c := range checks {
		if len(c.Needs) == 0 {
			stock = append(stock, c)
		} else {
			proposed = append(proposed, c)
		}
	}
	return stock, proposed
}
