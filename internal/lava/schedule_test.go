package lava

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBalance(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name    string
		lengths []float64
		n       int
		want    [][]int
	}{
		{"longest first", []float64{1, 5, 3, 3}, 2, [][]int{{0, 1}, {2, 3}}},
		{"Graham's worst for two", []float64{2, 2, 2, 3, 3}, 2, [][]int{{0, 2, 3}, {1, 4}}},
		{"one shard", []float64{2, 1, 3}, 1, [][]int{{0, 1, 2}}},
		{"none is one", []float64{2, 1}, 0, [][]int{{0, 1}}},
		{"more shards than items", []float64{1, 2}, 3, [][]int{{1}, {0}, nil}},
		{"no items", nil, 2, [][]int{nil, nil}},
		{"no lengths", []float64{0, 0, 0, 0}, 2, [][]int{{0, 2}, {1, 3}}},
		{"unknown is the median", []float64{nan, 10, 1, 1, -1, inf}, 2, [][]int{{1}, {0, 2, 3, 4, 5}}},
		{"all unknown", []float64{nan, nan, nan}, 2, [][]int{{0, 2}, {1}}},
	} {
		if d := cmp.Diff(tt.want, Balance(tt.lengths, tt.n)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// deals holds Balance to what it says of every input, and returns the longest shard.
func deals(t *testing.T, lengths []float64, n int) (longest float64) {
	t.Helper()
	shards := Balance(lengths, n)
	if len(shards) != max(n, 1) {
		t.Fatalf("%d shards, want %d", len(shards), n)
	}
	var all []int
	weights := known(lengths)
	for _, s := range shards {
		if !slices.IsSorted(s) {
			t.Fatalf("a shard's items are not in order: %v", s)
		}
		sum := 0.0
		for _, i := range s {
			sum += weights[i]
		}
		all, longest = append(all, s...), max(longest, sum)
	}
	slices.Sort(all)
	for i := range lengths {
		if i >= len(all) || all[i] != i {
			t.Fatalf("of %d items there are %v", len(lengths), all)
		}
	}
	if d := cmp.Diff(shards, Balance(lengths, n)); d != "" {
		t.Fatalf("dealt again, it differs:\n%s", d)
	}
	if len(all) != len(lengths) {
		t.Fatalf("%d items became %d", len(lengths), len(all))
	}
	// Who got the item that ends last had the least before it.
	if len(lengths) > 0 {
		m, sum := float64(len(shards)), 0.0
		for _, w := range weights {
			sum += w
		}
		// Multiplied, as a quotient of the least floats is rounded to nothing.
		if most := sum + (m-1)*slices.Max(weights); m*longest > most*(1+1e-9) {
			t.Fatalf("the longest shard has %v, want %v at most", longest, most/m)
		}
	}
	return longest
}

// TestBalanceGraham compares with the best there is, which few items allow to find.
// The mean and the longest item say too little: of n+1 equal items on n shards some
// shard has two.
func TestBalanceGraham(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 69))
	worst := 1.0
	for range 2000 {
		lengths := make([]float64, 1+rng.IntN(8))
		for i := range lengths {
			lengths[i] = float64(1 + rng.IntN(6))
		}
		n := 1 + rng.IntN(3)
		got, best := deals(t, lengths, n), optimum(lengths, make([]float64, n))
		if bound := (4./3 - 1/(3*float64(n))) * best; got > bound+1e-9 {
			t.Errorf("%v on %d shards: %v, the best is %v, the bound %v", lengths, n, got, best, bound)
		}
		worst = max(worst, got/best)
	}
	if worst == 1 {
		t.Error("the best was always found: these lengths test nothing")
	}
}

// optimum tries everything.
func optimum(lengths, loads []float64) float64 {
	if len(lengths) == 0 {
		return slices.Max(loads)
	}
	best := math.Inf(1)
	for s := range loads {
		loads[s] += lengths[0]
		best = min(best, optimum(lengths[1:], loads))
		loads[s] -= lengths[0]
	}
	return best
}

func TestBalanceMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 77))
	for range 200 {
		lengths := make([]float64, rng.IntN(500))
		for i := range lengths {
			lengths[i] = math.Exp(rng.NormFloat64() * 2)
		}
		deals(t, lengths, 1+rng.IntN(40))
	}
}

func FuzzBalance(f *testing.F) {
	f.Add([]byte(nil), uint8(0))
	f.Add(binary.LittleEndian.AppendUint64(make([]byte, 24), math.Float64bits(math.NaN())), uint8(3))
	f.Add(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, math.Float64bits(-1)), math.Float64bits(math.MaxFloat64)), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		var lengths []float64
		for ; len(data) >= 8; data = data[8:] {
			lengths = append(lengths, math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
		deals(t, lengths, int(n))
	})
}

func BenchmarkBalance(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	lengths := make([]float64, 377)
	for i := range lengths {
		lengths[i] = rng.ExpFloat64()
	}
	for b.Loop() {
		Balance(lengths, 16)
	}
}
