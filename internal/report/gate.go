package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Gate is how much slower a headline row may get, and what came of it.
type Gate struct {
	Limit     string // as it was asked for
	percent   float64
	Rows      int        // that it looked at
	Slower    []GateRow  // by more than the limit, significantly
	Undecided []GateRow  // by more than the limit, but with too few runs to tell
	Missing   []GateLack // in the new file: what is gone may be what is slow
}

// A GateRow is a row that keeps a gate from being open.
type GateRow struct {
	*Pairing
	*Pair
}

// A GateLack is a row that a gate could not look at.
type GateLack struct {
	*Pairing
	Absent
}

// ParseGate reads a limit such as 1% or 0.5%.
func ParseGate(s string) (*Gate, error) {
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return nil, fmt.Errorf("%q is no limit; want a percentage such as 1%% or 0.5%%", s)
	}
	return &Gate{Limit: s, percent: v}, nil
}

// Judge lets g look at the headline rows, and keeps it for the renderings. It
// fails if there is nothing to look at: that is no pass.
func (c *Comparison) Judge(g *Gate) error {
	c.Gate = g
	for _, p := range c.Pairings {
		if !p.Headline {
			continue
		}
		for _, a := range p.Only[0] {
			g.Missing = append(g.Missing, GateLack{p, a})
		}
		for _, q := range p.Pairs {
			g.Rows++
			switch {
			case !g.exceeded(q):
			case q.Verdict == Slower:
				g.Slower = append(g.Slower, GateRow{p, q})
			case q.Verdict == Noise && !q.CanTell():
				g.Undecided = append(g.Undecided, GateRow{p, q})
			}
		}
	}
	if g.Rows == 0 {
		return fmt.Errorf("the gate has no row to look at: no headline of %s is in %s too", c.Names[0], c.Names[1])
	}
	return nil
}

// exceeded multiplies, as a quotient would not be exact: 101 is no more than
// 1 % above 100.
func (g *Gate) exceeded(p *Pair) bool {
	p = p.Decisive()
	return p.Diff()*100 > g.percent*p.Old.Center
}

// Closed reports whether a row is slower than allowed, or gone.
func (g *Gate) Closed() bool { return len(g.Slower)+len(g.Missing) > 0 }

// Lines say what came of it, the verdict first and then each row that it
// rests on, by name or, in what has little room, by label.
func (g *Gate) Lines(names bool) []string {
	name := func(p *Pairing, name, label string) string {
		if !names {
			name = label
		}
		return clean(p.Where() + " " + name)
	}
	row := func(r GateRow) string {
		return name(r.Pairing, r.Name, r.Label) + ": " + r.Pairing.difference(r.Pair)
	}
	word := "open"
	var why, lines []string
	if n := len(g.Slower); n > 0 {
		why = append(why, fmt.Sprintf("%d slower", n))
	}
	if n := len(g.Missing); n > 0 {
		why = append(why, fmt.Sprintf("%d missing in the new file", n))
	}
	for _, r := range g.Slower {
		lines = append(lines, "slower: "+row(r))
	}
	for _, l := range g.Missing {
		line := "missing: " + name(l.Pairing, l.Name, l.Label)
		if l.Why != "" {
			line += ": " + clean(l.Why)
		}
		lines = append(lines, line)
	}
	if n := len(g.Undecided); n > 0 {
		why = append(why, fmt.Sprintf("%d with too few runs to tell: measure with --count 5", n))
		word = "undecided"
	}
	if g.Closed() {
		word = "closed"
	}
	for _, r := range g.Undecided {
		lines = append(lines, "too few runs: "+row(r))
	}
	if why == nil {
		why = []string{"none is slower by more, significantly"}
	}
	return append([]string{fmt.Sprintf("gate of %s, %s: %s: %s", g.Limit, plural(g.Rows, "row"), word, strings.Join(why, ", "))}, lines...)
}
