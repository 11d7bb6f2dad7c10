package main

import (
	"fmt"
	"math"
	"slices"

	svg "github.com/ajstarks/svgo"

	"unotify-bench/abi/suite"
)

// Colours that are told apart without seeing all of them (Okabe and Ito).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// racePlot is the place for marks. It is drawn with svgo, and not by a library
// of plots: each process of this program would begin with initialising that,
// fonts and all, and one check starts several (gonum.org/v1/plot: 5 ms, and
// 8 MB of program).
type racePlot struct {
	*svg.SVG
	places  []string
	decades int // below 1
}

const (
	plotWidth, plotHeight   = 900, 460
	plotLeft, plotRight     = 80, 780
	plotTop, plotBottom     = 50, 400
	markRadius              = 4
	plotFont                = "font-family:sans-serif;font-size:13px;"
	plotTitle, plotSubtitle = "How often the kernel acted on what nobody had approved, per try",
		"hollow: never, so below this with 95 % confidence"
)

// svg draws each race as a mark: the mechanisms side by side, the places in
// colours, who attacks as shapes.
func (r *raceReport) svg() error {
	p := &racePlot{SVG: svg.New(r.w), decades: 1}
	for i, row := range r.rows {
		if row.Tries == 0 {
			continue
		}
		if !slices.Contains(suite.RaceMechs(), row.Mech) || !slices.Contains(suite.RaceAttacks(), row.Attack) || !(row.mark() > 0 && row.mark() <= 1) {
			return usageError("row %d cannot be drawn: %q, %q, %v", i+1, clean(row.Mech), clean(row.Attack), row.mark())
		}
		p.decades = max(p.decades, int(math.Ceil(-math.Log10(row.mark()))))
		if !slices.Contains(p.places, row.Where) {
			p.places = append(p.places, row.Where)
		}
	}
	if len(p.places) == 0 {
		return failure("nothing was counted that could be drawn")
	}
	p.Start(plotWidth, plotHeight)
	p.Rect(0, 0, plotWidth, plotHeight, "fill:white")
	p.axes()
	for _, row := range r.rows {
		if row.Tries > 0 {
			p.mark(p.x(row), p.y(row.mark()), row.Attack, colours[slices.Index(p.places, row.Where)%len(colours)], row.Won > 0)
		}
	}
	p.legend()
	p.End()
	return nil // a writer that fails says so itself
}

// mark is where a row's mark is: at its rate, or at the bound of one that was
// never seen.
func (r *raceRow) mark() float64 {
	if r.Won > 0 {
		return r.Rate
	}
	return r.Upper
}

// x gives each place and attack a lane of its mechanism's column.
func (p *racePlot) x(row raceRow) int {
	attacks := suite.RaceAttacks()
	lane := slices.Index(p.places, row.Where)*len(attacks) + slices.Index(attacks, row.Attack)
	within := (float64(lane)+0.5)/float64(len(p.places)*len(attacks))*0.8 + 0.1
	return p.column(float64(slices.Index(suite.RaceMechs(), row.Mech)) + within)
}

func (p *racePlot) column(at float64) int {
	return plotLeft + int(at*(plotRight-plotLeft)/float64(len(suite.RaceMechs())))
}

func (p *racePlot) y(rate float64) int {
	return plotTop + int(-math.Log10(rate)/float64(p.decades)*(plotBottom-plotTop))
}

func (p *racePlot) axes() {
	p.Text(plotLeft, 22, plotTitle, plotFont+"font-weight:bold")
	p.Text(plotLeft, 40, plotSubtitle, plotFont)
	for d := range p.decades + 1 {
		rate := math.Pow10(-d)
		p.Line(plotLeft, p.y(rate), plotRight, p.y(rate), "stroke:#ccc")
		p.Text(plotLeft-8, p.y(rate)+4, fmt.Sprint(rate), plotFont+"text-anchor:end")
	}
	for i, m := range suite.RaceMechs() {
		p.Line(p.column(float64(i)), plotTop, p.column(float64(i)), plotBottom, "stroke:#ccc")
		p.Text(p.column(float64(i)+0.5), plotBottom+20, m, plotFont+"text-anchor:middle")
	}
	p.Line(plotRight, plotTop, plotRight, plotBottom, "stroke:#ccc")
}

func (p *racePlot) legend() {
	y := plotTop + 10
	line := func(text, attack, colour string) {
		p.mark(plotRight+20, y, attack, colour, true)
		p.Text(plotRight+32, y+4, text, plotFont)
		y += 20
	}
	for i, place := range p.places {
		line(place, suite.RaceAttacks()[0], colours[i%len(colours)])
	}
	y += 10
	for _, attack := range suite.RaceAttacks() {
		line(attack, attack, "black")
	}
}

// mark draws a circle, a triangle or a square.
func (p *racePlot) mark(x, y int, attack, colour string, full bool) {
	style := "stroke:" + colour + ";fill:white"
	if full {
		style = "stroke:" + colour + ";fill:" + colour
	}
	const r = markRadius
	switch slices.Index(suite.RaceAttacks(), attack) {
	case 0:
		p.Circle(x, y, r, style)
	case 1:
		p.Polygon([]int{x - r, x, x + r}, []int{y + r, y - r, y + r}, style)
	default:
		p.Square(x-r, y-r, 2*r, style)
	}
}
