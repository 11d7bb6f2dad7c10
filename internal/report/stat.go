package report

import (
	"math"

	"golang.org/x/perf/benchmath"
)

// stat is what a table says of a cell.
type stat struct {
	n        int
	center   float64 // median over lines of the headline, itself a median
	spread   float64 // largest deviation of the interval's ends, relative to center
	hasOver  bool
	overhead float64 // median over lines of headline - native baseline
	modes    float64 // largest share of a second mode, 0 if there is one mode
}

// summarize never assumes a distribution. The interval is benchmath's 95 %
// confidence interval of the median; with fewer than the 6 lines that one
// takes, it is everything there is.
func summarize(c *cell, headline string) stat {
	var st stat
	var values, over []float64
	for _, row := range c.lines {
		v := row.Metrics[headline]
		values = append(values, v)
		if native, ok := row.Metrics["native-"+headline]; ok {
			over = append(over, v-native)
		}
		st.modes = max(st.modes, row.Metrics["mode2-share"])
	}
	sample := benchmath.NewSample(values, &benchmath.DefaultThresholds)
	sum := benchmath.AssumeNothing.Summary(sample, 0.95)
	lo, hi := sum.Lo, sum.Hi
	if math.IsInf(lo, 0) || math.IsInf(hi, 0) {
		lo, hi = sample.Values[0], sample.Values[len(sample.Values)-1]
	}
	st.n, st.center = len(values), sum.Center
	if st.center > 0 {
		st.spread = max(hi/st.center-1, 1-lo/st.center)
	}
	if len(over) > 0 {
		s := benchmath.NewSample(over, &benchmath.DefaultThresholds)
		st.hasOver, st.overhead = true, benchmath.AssumeNothing.Summary(s, 0.95).Center
	}
	return st
}
