package figure

import (
	"fmt"
	"math"
	"slices"
)

// An Axis has values on it.
type Axis struct {
	Label string
	Log   bool
	// Format prints a tick; plain numbers with k, M and G where it is nil.
	Format func(float64) string
}

// A scale maps values to places.
type scale struct {
	Axis
	lo, hi   float64 // values
	from, to float64 // places of lo and hi
}

// fit makes a scale on which all values that can be shown are.
func (a Axis) fit(values []float64, from, to float64) scale {
	s := scale{Axis: a, from: from, to: to}
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !a.shows(v) })
	if len(values) == 0 {
		values = []float64{1}
	}
	lo, hi := slices.Min(values), slices.Max(values)
	if !a.Log {
		s.lo, s.hi = 0, niceCeil(max(hi, 1e-12))
		return s
	}
	// Some room, so that no mark lies on the frame.
	s.lo, s.hi = lo/1.15, hi*1.15
	if s.hi/s.lo < 4 { // else a small difference looks like a large one
		mid := math.Sqrt(s.lo * s.hi)
		s.lo, s.hi = mid/2, mid*2
	}
	return s
}

// shows reports whether v has a place.
func (a Axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (v > 0 || !a.Log && v >= 0)
}

// at is the place of v, which is on the edge if it has none.
func (s scale) at(v float64) float64 {
	if !s.shows(v) {
		return s.from
	}
	part := (v - s.lo) / (s.hi - s.lo)
	if s.Log {
		part = math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return s.from + min(max(part, 0), 1)*(s.to-s.from)
}

func niceCeil(v float64) float64 {
	step := niceStep(v)
	return math.Ceil(v/step-1e-9) * step
}

// niceStep is a step of 1, 2 or 5 of which 4 to 8 make v.
func niceStep(v float64) float64 {
	p := math.Pow10(int(math.Floor(math.Log10(v / 4))))
	for _, m := range []float64{1, 2, 5, 10} {
		if v/(m*p) <= 8 {
			return m * p
		}
	}
	return 10 * p
}

// A tick with no label is a line only.
type tick struct {
	value float64
	label string
}

func (s scale) ticks() []tick {
	format := s.Format
	if format == nil {
		format = short
	}
	var out []tick
	if !s.Log {
		step := niceStep(s.hi)
		for i := 0; float64(i)*step <= s.hi*(1+1e-9); i++ {
			out = append(out, tick{float64(i) * step, format(float64(i) * step)})
		}
		return out
	}
	decades := math.Log10(s.hi / s.lo)
	for d := math.Floor(math.Log10(s.lo)); d <= math.Ceil(math.Log10(s.hi)); d++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, d)
			if v < s.lo*(1-1e-9) || v > s.hi*(1+1e-9) {
				continue
			}
			t := tick{value: v}
			if m == 1 || decades < 2.2 && (m == 2 || m == 5) || decades < 0.9 {
				t.label = format(v)
			}
			if t.label != "" || decades < 4 {
				out = append(out, t)
			}
		}
	}
	return out
}

// grid draws a line for each tick, a fainter one for those without a label.
func (s scale) grid(c canvas, lo, hi float64, upright bool) {
	var major, minor []float64
	for _, t := range s.ticks() {
		if t.label == "" {
			minor = append(minor, s.at(t.value))
		} else {
			major = append(major, s.at(t.value))
		}
	}
	c.lines(minor, lo, hi, upright, minorStyle)
	c.lines(major, lo, hi, upright, gridStyle)
}

// short prints a number in few characters.
func short(v float64) string {
	for _, u := range []struct {
		from float64
		unit string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.from*(1-1e-9) {
			return fmt.Sprintf("%.4g%s", v/u.from, u.unit)
		}
	}
	return fmt.Sprintf("%.4g", v)
}
