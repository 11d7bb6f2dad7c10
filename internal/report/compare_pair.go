package report

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/perf/benchmath"
)

// A judge compares samples of one unit.
type judge struct {
	how    benchmath.Assumption
	better int // -1 if less is, 1 if more is, 0 if nobody said
	exact  bool
}

// modesUnit is in the results of a row whose calls cluster at two values.
const modesUnit = "mode2-share"

// pair compares the rows that both files have. Statistics are what takes the
// time, so they are spread over the CPUs.
func (p *Pairing) pair(l *laneMatch, j judge) {
	var both []*rowMatch
	for _, r := range l.rows {
		if len(r.values[0][p.Unit]) > 0 && len(r.values[1][p.Unit]) > 0 {
			both = append(both, r)
			for side := range 2 {
				p.Runs[side] = max(p.Runs[side], len(r.values[side][p.Unit]))
			}
		}
	}
	p.Pairs = make([]*Pair, len(both))
	var wg sync.WaitGroup
	part := max((len(both)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0), 1)
	for from := 0; from < len(both); from += part {
		wg.Go(func() {
			for i := from; i < min(from+part, len(both)); i++ {
				p.Pairs[i] = both[i].pair(p.Unit, p.Headline, j)
			}
		})
	}
	wg.Wait()
}

func (r *rowMatch) pair(unit string, headline bool, j judge) *Pair {
	p := j.pair(r.values[0][unit], r.values[1][unit])
	p.Name, p.Label = r.name, r.label
	mean := "mean-" + unit
	if headline && r.modes() && len(r.values[0][mean]) > 0 && len(r.values[1][mean]) > 0 {
		p.Mean = j.pair(r.values[0][mean], r.values[1][mean])
		p.Mean.Name, p.Mean.Label = r.name, "  by the mean"
		if (p.Verdict == Slower || p.Verdict == Faster) && p.Mean.Verdict != p.Verdict && r.flips(unit, p.Diff()) {
			p.Verdict = Noise
		}
	}
	if low := "p10-" + unit; headline && j.exact && p.Verdict == Noise && len(r.values[0][low]) > 0 && len(r.values[1][low]) > 0 {
		p.floor(j.pair(r.values[0][low], r.values[1][low]))
	}
	return p
}

// floor lets the tenth percentile decide where the median could not. It is a
// call that nothing disturbed, and mostly the same in each run; where half of
// the calls are disturbed, as by a few dozen instructions of the scheduler's,
// the median of one run is such a call and that of the next is not. Only what
// every run shows by the very same number counts.
func (p *Pair) floor(q *Pair) {
	if q.Shifted && q.CanTell() {
		q.Name, q.Label = p.Name, "  by the tenth percentile"
		p.Floor, p.Verdict = q, q.Verdict
	}
}

// Decisive is the pair that p's verdict is by.
func (p *Pair) Decisive() *Pair {
	if p.Floor != nil {
		return p.Floor
	}
	return p
}

// flips reports whether the median can have moved by diff because it is now in
// the other mode, which is no finding: then it moved by about their distance.
// Less is a change of the mode that it stayed in.
func (r *rowMatch) flips(unit string, diff float64) bool {
	distance := math.Inf(1)
	for _, values := range r.values {
		low, high := values["mode1-"+unit], values["mode2-"+unit]
		for i := range min(len(low), len(high)) {
			distance = min(distance, high[i]-low[i])
		}
	}
	return math.IsInf(distance, 1) || math.Abs(diff) >= distance/2
}

// modes reports whether any run, old or new, had two modes.
func (r *rowMatch) modes() bool {
	return slices.ContainsFunc(slices.Concat(r.values[0][modesUnit], r.values[1][modesUnit]), func(v float64) bool { return v > 0 })
}

func (j judge) pair(before, after []float64) *Pair {
	// NewSample sorts what it is given.
	p := &Pair{Old: j.side(slices.Clone(before)), New: j.side(slices.Clone(after))}
	p.Comparison = j.how.Compare(p.Old.Sample, p.New.Sample)
	p.Shifted = j.exact && shifted(p.Old.Values, p.New.Values)
	switch {
	case j.exact && slices.Equal(p.Old.Values, p.New.Values):
		p.Verdict = Unchanged
	case p.Diff() == 0 || !p.significant():
		p.Verdict = Noise
	case j.better == 0:
		p.Verdict = Changed
	case p.Diff() > 0 == (j.better < 0):
		p.Verdict = Slower
	default:
		p.Verdict = Faster
	}
	return p
}

func (j judge) side(values []float64) Side {
	s := benchmath.NewSample(values, &benchmath.DefaultThresholds)
	return Side{s, j.how.Summary(s, confidence)}
}

// Diff is by how much the center went up.
func (p *Pair) Diff() float64 { return p.New.Center - p.Old.Center }

// thousandths undoes what subtraction adds behind the digits that results of
// exact units have.
func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }

// significant reports whether the difference is more than noise: by
// benchmath's test, and where instructions are counted also when every run
// moved by the very same number. That test looks at ranks, and misses ten more
// instructions in each of five runs that are hundreds apart.
func (p *Pair) significant() bool {
	return p.P <= p.Alpha || p.Shifted && p.CanTell()
}

// shifted reports whether b is a with the same added everywhere.
func shifted(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	by := thousandths(b[0] - a[0])
	for i := range a {
		if thousandths(b[i]-a[i]) != by {
			return false
		}
	}
	return by != 0
}

// CanTell reports whether there are enough runs for any difference to be
// significant: whether the test would say so of samples with nothing between
// them.
func (p *Pair) CanTell() bool {
	n1, n2 := len(p.Old.Values), len(p.New.Values)
	var low, high []float64
	for i := range n1 {
		low = append(low, float64(i))
	}
	for i := range n2 {
		high = append(high, float64(n1+i))
	}
	t := p.Old.Thresholds
	c := benchmath.AssumeNothing.Compare(benchmath.NewSample(low, t), benchmath.NewSample(high, t))
	return c.P <= c.Alpha || p.Alpha == 0 // assumed exact: one run tells
}

// geomeans are the geometric means of old, of new, and of the ratios; NaN
// where a value of 0 leaves none. As benchstat's, a ratio of 0 to 0 is 1.
func (p *Pairing) geomeans() (before, after, ratio float64) {
	var logs [3]float64
	for _, q := range p.Pairs {
		r := q.New.Center / q.Old.Center
		if q.New.Center == q.Old.Center {
			r = 1
		}
		for i, v := range []float64{q.Old.Center, q.New.Center, r} {
			logs[i] += math.Log(v)
		}
	}
	for i, sum := range logs {
		if math.IsInf(sum, 0) {
			sum = math.NaN()
		}
		logs[i] = math.Exp(sum / float64(len(p.Pairs)))
	}
	return logs[0], logs[1], logs[2]
}
