package bench

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
)

// summarise reduces raw counter deltas to Stats; scale is units a tick and
// call. The deltas are left as they were.
func summarise(deltas []uint64, scale float64) Stats {
	if len(deltas) == 0 {
		return Stats{}
	}
	s := slices.Clone(deltas)
	slices.Sort(s)
	var sum float64
	for _, d := range s {
		sum += float64(d)
	}
	return Stats{
		Median: quantile(s, 0.5) * scale,
		Mean:   sum / float64(len(s)) * scale,
		P10:    quantile(s, 0.1) * scale,
		P90:    quantile(s, 0.9) * scale,
		P99:    quantile(s, 0.99) * scale,
		P999:   quantile(s, 0.999) * scale,
		Max:    float64(s[len(s)-1]) * scale,
	}
}

// quantile is the nearest-rank quantile of sorted samples: always one that
// was seen, so that an instruction count stays whole.
func quantile(sorted []uint64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return float64(sorted[max(i, 0)])
}

// findModes looks for two heaps: the split of the sorted samples that
// minimises the spread within both (Otsu's criterion, exact in one
// dimension). Samples count as bimodal when each heap has at least a tenth,
// the heaps' medians differ by a tenth of the lower, and the split explains
// nine tenths of the variance. The top hundredth is left out: a tail of
// interrupts is no mode.
func findModes(deltas []uint64, scale float64) *Modes {
	s := slices.Clone(deltas)
	slices.Sort(s)
	s = s[:len(s)-len(s)/100]
	n := float64(len(s))
	if n < 20 {
		return nil
	}
	var sum, sq float64
	for _, d := range s {
		sum += float64(d)
		sq += float64(d) * float64(d)
	}
	total := sq - sum*sum/n
	if total <= 0 {
		return nil
	}
	best, at, left := 0.0, 0, 0.0
	for i := 1; i < len(s); i++ {
		left += float64(s[i-1])
		k := float64(i)
		if s[i] == s[i-1] {
			continue
		}
		gap := left/k - (sum-left)/(n-k)
		if between := k * (n - k) / n * gap * gap; between > best {
			best, at = between, i
		}
	}
	if best < 0.9*total || float64(at) < n/10 || n-float64(at) < n/10 {
		return nil
	}
	low, high := quantile(s[:at], 0.5), quantile(s[at:], 0.5)
	if high-low < low/10 {
		return nil
	}
	return &Modes{Low: low * scale, High: high * scale, Share: (n - float64(at)) / n}
}

// hashSamples is Row.SHA256.
func hashSamples(sets ...[]uint64) string {
	h := sha256.New()
	var b [8]byte
	for _, set := range sets {
		for _, d := range set {
			binary.LittleEndian.PutUint64(b[:], d)
			h.Write(b[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
