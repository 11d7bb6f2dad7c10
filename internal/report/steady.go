package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// unitValues is a row: its runs, by unit.
type unitValues map[string][]float64

// A Steady is how far one row is from itself. A spread is the largest less the
// smallest, over the median; nil if there are no such figures.
type Steady struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`  // shorter
	Median float64 `json:"median"` // insns/op, of the first build
	Exact  bool    `json:"exact"`  // one median in each seed of each build
	// Over seeds: the spread of the median, the mean and the 99th percentile of
	// the calls, the largest of any build.
	Seeds *float64 `json:"seeds"`
	Mean  *float64 `json:"mean"`
	P99   *float64 `json:"p99"`
	// Over is the spread over builds of the median over seeds.
	Over *float64 `json:"builds"`
	// Alarm is the largest difference between two builds that compare takes for
	// one, over the smaller median; 0 if it takes none.
	Alarm float64 `json:"alarm"`
	// Finds is how many instructions more in each call of any build compare
	// finds when it is held against any other. 0 is with one build, or too few
	// seeds for any difference to be one.
	Finds float64 `json:"finds"`
}

const (
	insns     = "insns/op"
	meanInsns = "mean-insns/op"
	p99Insns  = "p99-insns/op"
)

func (s *Stability) steady(name, label string) Steady {
	var builds []unitValues
	var centers, all []float64
	row := Steady{Name: clean(name), Label: cmp.Or(clean(label), clean(name))}
	for _, b := range s.Builds {
		r := b.rows[name]
		builds = append(builds, r)
		centers = append(centers, center(r[insns]))
		all = append(all, r[insns]...)
		row.Seeds = largest(row.Seeds, spread(r[insns]))
		row.Mean = largest(row.Mean, spread(r[meanInsns]))
		row.P99 = largest(row.P99, spread(r[p99Insns]))
	}
	row.Median = centers[0]
	if len(centers) > 1 {
		row.Over = spread(centers)
	}
	row.Exact = slices.Min(all) == slices.Max(all)
	row.Alarm = alarm(builds)
	row.Finds = finds(builds)
	return row
}

// held is what compare says of two builds of a row, its headline.
func held(before, after unitValues) *Pair {
	r := rowMatch{values: [2]map[string][]float64{before, after}}
	return r.pair(insns, true, judge{how: benchmath.AssumeNothing, better: -1, exact: true})
}

// alarm is the largest relative difference that compare finds between two builds.
func alarm(builds []unitValues) float64 {
	var most float64
	for i, a := range builds {
		for _, b := range builds[i+1:] {
			if p := held(a, b); p.Verdict == Slower || p.Verdict == Faster {
				most = max(most, math.Abs(p.Diff())/min(p.Old.Center, p.New.Center))
			}
		}
	}
	return most
}

// plus is a row that takes more in each call.
func (v unitValues) plus(more float64) unitValues {
	out := make(unitValues, len(v))
	for unit, values := range v {
		out[unit] = slices.Clone(values)
		for i := range out[unit] {
			if unit == insns || unit == meanInsns {
				out[unit][i] += more
			}
		}
	}
	return out
}

// finds is how much each call of a build must take more for compare to call it
// slower than any other: a whole number, 0 if nothing is enough.
func finds(builds []unitValues) float64 {
	found := func(more float64) bool {
		for j, b := range builds {
			slow := b.plus(more)
			for i, a := range builds {
				if i != j && held(a, slow).Verdict != Slower {
					return false
				}
			}
		}
		return true
	}
	if len(builds) < 2 {
		return 0
	}
	limit := 1.0
	for _, b := range builds {
		limit = max(limit, 4*slices.Max(b[insns]))
	}
	most := 1.0
	for ; !found(most); most *= 2 {
		if most > limit {
			return 0
		}
	}
	least := math.Floor(most / 2) // not found, or 0
	for most-least > 1 {
		if middle := math.Floor((least + most) / 2); found(middle) {
			most = middle
		} else {
			least = middle
		}
	}
	return most
}

func center(values []float64) float64 {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), confidence).Center
}

// spread is the largest less the smallest, over the median.
func spread(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	var s float64
	if c := center(values); c > 0 {
		s = (slices.Max(values) - slices.Min(values)) / c
	}
	return &s
}

// largest is the larger of two figures of which either may be missing.
func largest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// least is Finds over the median.
func (r Steady) least() float64 { return r.Finds / r.Median }

func (r *Steady) check() error {
	r.Name = clean(cut(r.Name, 200))
	r.Label = cmp.Or(clean(cut(r.Label, 200)), r.Name)
	figures := []float64{r.Median, r.Alarm, r.Finds}
	for _, p := range []*float64{r.Seeds, r.Mean, r.P99, r.Over} {
		if p != nil {
			figures = append(figures, *p)
		}
	}
	for _, v := range figures {
		if v < 0 || v > maxFigure {
			return fmt.Errorf("row %s of a study: %v is no figure", r.Name, v)
		}
	}
	if r.Median < minHeadline || r.Finds != math.Trunc(r.Finds) {
		return fmt.Errorf("row %s of a study: %v insns/op, of which %v are found, is no call", r.Name, r.Median, r.Finds)
	}
	return nil
}

// maxFigure is more than any call takes.
const maxFigure = 1e15
