package bench

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upTo is 1, 2, … n.
func upTo(n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(i + 1)
	}
	return s
}

// repeated is n times v.
func repeated(n int, v uint64) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func join(sets ...[]uint64) []uint64 {
	var all []uint64
	for _, s := range sets {
		all = append(all, s...)
	}
	return all
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		n    int
		q    float64
		want float64
	}{
		// Nearest rank: the smallest sample that q of all do not exceed.
		{1, 0.5, 1}, {1, 0.999, 1}, {2, 0.5, 1}, {3, 0.5, 2}, {4, 0.5, 2},
		{100, 0.5, 50}, {100, 0.9, 90}, {100, 0.99, 99}, {100, 0.999, 100},
		{1000, 0.999, 999}, {1001, 0.5, 501}, {10, 0, 1}, {10, 1, 10},
	} {
		if got := quantile(upTo(tt.n), tt.q); got != tt.want {
			t.Errorf("quantile %v of 1 to %d: %v, want %v", tt.q, tt.n, got, tt.want)
		}
	}
}

func TestSummarise(t *testing.T) {
	shuffled := append(upTo(1000)[500:], upTo(500)...)
	kept := append([]uint64{}, shuffled...)
	for _, tt := range []struct {
		name   string
		deltas []uint64
		scale  float64
		want   Stats
	}{
		{"none", nil, 1, Stats{}},
		{"one", []uint64{7}, 2, Stats{14, 14, 14, 14, 14, 14, 14}},
		{"in any order", shuffled, 1, Stats{Median: 500, Mean: 500.5, P10: 100, P90: 900, P99: 990, P999: 999, Max: 1000}},
		{"scaled", upTo(10), 0.5, Stats{Median: 2.5, Mean: 2.75, P10: 0.5, P90: 4.5, P99: 5, P999: 5, Max: 5}},
		{"large", repeated(3, 1<<62), 1, Stats{1 << 62, 1 << 62, 1 << 62, 1 << 62, 1 << 62, 1 << 62, 1 << 62}},
	} {
		if d := cmp.Diff(tt.want, summarise(tt.deltas, tt.scale)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	if d := cmp.Diff(kept, shuffled); d != "" {
		t.Errorf("summarise changed its argument:\n%s", d)
	}
}

func TestFindModes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		deltas []uint64
		want   *Modes
	}{
		{"none", nil, nil},
		{"too few", join(repeated(9, 1), repeated(9, 100)), nil},
		{"constant", repeated(1000, 5), nil},
		{"even spread", upTo(1000), nil},
		{"two halves", join(repeated(500, 100), repeated(500, 200)), &Modes{100, 200, 485. / 985}},
		{"in any order", join(repeated(250, 200), repeated(500, 100), repeated(250, 200)), &Modes{100, 200, 485. / 985}},
		{"a fifth above", join(repeated(800, 100), repeated(200, 200)), &Modes{100, 200, 190. / 990}},
		{"too few above", join(repeated(950, 100), repeated(50, 200)), nil},
		{"too few below", join(repeated(50, 100), repeated(950, 200)), nil},
		{"too close", join(repeated(500, 1000), repeated(500, 1050)), nil},
		{"just far enough", join(repeated(500, 1000), repeated(500, 1100)), &Modes{1000, 1100, 490. / 990}},
		{"a tail of interrupts", join(repeated(995, 100), repeated(5, 100000)), nil},
		{"two halves and a tail", join(repeated(500, 100), repeated(495, 200), repeated(5, 1000000)), &Modes{100, 200, 490. / 990}},
		{"wide heaps", join(upTo(500), repeated(500, 550)), nil},
	} {
		got := findModes(tt.deltas, 1)
		// The share of the upper heap depends on the hundredth left out.
		if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 0.01 })); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	scaled := findModes(join(repeated(500, 100), repeated(500, 200)), 0.25)
	if scaled == nil || scaled.Low != 25 || scaled.High != 50 {
		t.Errorf("modes at a quarter: %+v, want 25 and 50", scaled)
	}
}

// TestHashSamples: the sums are those of sha256sum(1) over the bytes.
func TestHashSamples(t *testing.T) {
	for _, tt := range []struct {
		name string
		sets [][]uint64
		want string
	}{
		// printf '' | sha256sum
		{"nothing", nil, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		// printf '\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0' | sha256sum
		{"two", [][]uint64{{1}, {258}}, "d4b6538234c2adfd24929c81adbc1bbced94c961ef3e778b83c8a0e558fb6198"},
		{"two in one set", [][]uint64{{1, 258}}, "d4b6538234c2adfd24929c81adbc1bbced94c961ef3e778b83c8a0e558fb6198"},
	} {
		if got := hashSamples(tt.sets...); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
