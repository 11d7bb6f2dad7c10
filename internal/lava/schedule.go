package lava

import (
	"cmp"
	"math"
	"slices"
)

// Balance deals items out to n shards so that the longest shard is short: the
// longest item first, each to the shard that has the least. It returns the items'
// indices by shard, in ascending order, so that a shard keeps the catalogue's
// order; the same lengths give the same shards.
//
// No shard is longer than 4/3 − 1/(3n) of what is best (R. L. Graham, Bounds on
// Multiprocessing Timing Anomalies, SIAM J. Appl. Math. 17(2), 1969, theorem 2).
// That is for the worst items: of many short ones, as checks are, it is some
// thousandths. What is better takes a search, and lengths are not known that well.
//
// A length that is none (NaN, negative or infinite) is not known, as that of a new
// check: the item takes the median of those that are. Less than one shard is one.
func Balance(lengths []float64, n int) [][]int {
	lengths = known(lengths)
	order := make([]int, len(lengths))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lengths[b], lengths[a]) })
	shards, loads := make([][]int, max(n, 1)), make([]float64, max(n, 1))
	for _, item := range order {
		least := 0
		for s := range shards {
			// Items that take no time are spread, too.
			if c := cmp.Compare(loads[s], loads[least]); c < 0 || c == 0 && len(shards[s]) < len(shards[least]) {
				least = s
			}
		}
		shards[least] = append(shards[least], item)
		loads[least] += lengths[item]
	}
	for _, s := range shards {
		slices.Sort(s)
	}
	return shards
}

// known is lengths with the median of those that are known in place of the others.
func known(lengths []float64) []float64 {
	unknown := func(l float64) bool { return math.IsNaN(l) || math.IsInf(l, 0) || l < 0 }
	sorted := slices.DeleteFunc(slices.Clone(lengths), unknown)
	slices.Sort(sorted)
	median := 1.0 // where nothing is known all are alike
	if len(sorted) > 0 {
		median = sorted[len(sorted)/2]
	}
	lengths = slices.Clone(lengths)
	for i, l := range lengths {
		if unknown(l) {
			lengths[i] = median
		}
	}
	return lengths
}
