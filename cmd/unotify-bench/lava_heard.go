package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
	"unotify-bench/internal/report"
)

// heard is what one run of a job has said, held against what it was to do. A lab is not
// believed, nor is a device: only what was asked for counts, and once.
type heard struct {
	what   string // "job 12" of the lab, or the file
	state  string // as the lab calls it: Complete, Incomplete, …
	checks map[string]lavaVerdict
	rows   map[string][]*lavaRow // by name, a run after the other
	doubts []string              // why not all of it is believed
	gap    string                // why it is not whole, which another run can mend

	textless bool // the log could not be had
}

// isOf says which device it was.
func (h *heard) isOf(device string) {
	for _, runs := range h.rows {
		for _, row := range runs {
			if row != nil {
				row.device = device
			}
		}
	}
}

type lavaVerdict struct {
	suite.Verdict
	text    string
	crashed bool // the device began again during the check
}

// lavaRow is one run of a row: figures, or why there are none.
type lavaRow struct {
	na      *report.NA
	figures map[string]float64 // by unit
	units   []string           // in order
	device  string
	twice   bool // measured by two boots: it is neither's
}

// hear reads the cases of one run of a job.
func (j *lavaJob) hear(what, state string, cases []lava.Case, log []lava.Line) *heard {
	h := &heard{what: what, state: state, checks: map[string]lavaVerdict{}, rows: map[string][]*lavaRow{}}
	cases = slices.SortedStableFunc(slices.Values(cases), func(a, b lava.Case) int { return cmp.Compare(a.ID, b.ID) })
	notes := lava.Notes(log)
	var monitored, right bool
	for _, c := range cases {
		monitored = monitored || c.Suite == "lava" && c.Name == "lava-test-monitor" && c.Result == lava.Pass
		right = right || c.Suite != "lava" && c.Name == lava.CaseID(kernelCase(j.Release))
	}
	if j.Release != "" && !right {
		h.gap = "the device did not tell its kernel"
		if other := j.otherKernel(cases); other != "" {
			h.gap = "the device ran another kernel, " + other
		}
		return h
	}
	j.hearChecks(h, cases, notes)
	j.hearRows(h, cases, notes)
	if !monitored {
		h.gap = "the lab did not see the device finish"
	}
	return h
}

func (h *heard) doubt(format string, args ...any) {
	const enough = 20
	text := fmt.Sprintf(format, args...)
	if len(h.doubts) == enough {
		text = "and so on"
	}
	if len(h.doubts) <= enough && !slices.Contains(h.doubts, text) {
		h.doubts = append(h.doubts, text)
	}
}

// otherKernel is the case of a kernel that is not the job's, "" if there is none.
func (j *lavaJob) otherKernel(cases []lava.Case) string {
	for _, c := range cases {
		if isKernelCase(c) && c.Name != lava.CaseID(kernelCase(j.Release)) {
			return clean(c.Name)
		}
	}
	return ""
}

// isKernelCase tells the case that names a kernel.
func isKernelCase(c lava.Case) bool {
	return strings.HasPrefix(c.Name, lava.CaseID(kernelCase(""))+"_")
}

// hearChecks takes verdicts. A device prints them in the order of the catalogue: where
// that begins again, the device has.
func (j *lavaJob) hearChecks(h *heard, cases []lava.Case, notes map[string]string) {
	ids := map[string]int{}
	for i, id := range j.Checks {
		ids[lava.CaseID(id)] = i
	}
	next := 0
	for _, c := range cases {
		if c.Suite != lava.Checks {
			continue
		}
		i, asked := ids[c.Name]
		switch {
		case c.Name == lava.CaseID(splatCase):
			if c.Result != lava.Pass {
				h.doubt("%s", cmp.Or(sanitize(notes[c.Name]), "the kernel complained"))
			}
			continue
		case isKernelCase(c):
			continue
		case !asked:
			h.doubt("%.80q was not asked for", c.Name)
			continue
		case i < next && next < len(j.Checks):
			h.doubt("the device began again during %s", j.Checks[next])
			h.checks[j.Checks[next]] = lavaVerdict{suite.Error, "the device began again during this check", true}
		case i < next:
			h.doubt("the device began again after the last check")
		}
		next = i + 1
		id := j.Checks[i]
		if h.checks[id].crashed {
			continue // what crashes a device now and then has not passed
		}
		h.checks[id] = verdictOf(c, notes[c.Name])
	}
}

// verdictOf is what a case says. LAVA has no word for divergent: the text does.
func verdictOf(c lava.Case, text string) lavaVerdict {
	text = sanitize(text)
	v := suite.Error
	switch c.Result {
	case lava.Pass:
		return lavaVerdict{suite.Pass, text, false}
	case lava.Fail:
		v = suite.Fail
	case lava.Skip:
		v = suite.Skip
	default:
		if strings.HasPrefix(text, string(suite.Divergent)) {
			v = suite.Divergent
		}
	}
	return lavaVerdict{v, cmp.Or(strings.TrimPrefix(text, string(v)+" "), "the lab has no text: see its log"), false}
}

// mostUnits is more than figures have, those of a later version included.
const mostUnits = 64

// hearRows takes figures.
func (j *lavaJob) hearRows(h *heard, cases []lava.Case, notes map[string]string) {
	type place struct {
		row string
		run int
	}
	// Which units there are, the cases say; which rows, the plan.
	units := map[string]bool{}
	for _, c := range cases {
		if c.Suite == lava.Figures && len(units) < mostUnits {
			units[c.Unit] = true
		}
	}
	places := map[string]place{}
	for unit := range units {
		for _, row := range j.Rows {
			for run := 1; run <= j.Count; run++ {
				places[lava.CaseID(figureID(row, unit, run))+" "+unit] = place{row, run}
			}
		}
	}
	for _, c := range cases {
		if c.Suite != lava.Figures || isKernelCase(c) {
			continue
		}
		p, asked := places[c.Name+" "+c.Unit]
		if !asked {
			h.doubt("%.80q in %.20q was not asked for", c.Name, c.Unit)
			continue
		}
		if h.rows[p.row] == nil {
			h.rows[p.row] = make([]*lavaRow, j.Count)
		}
		row := h.rows[p.row][p.run-1]
		if row == nil {
			row = &lavaRow{figures: map[string]float64{}}
			h.rows[p.row][p.run-1] = row
		}
		h.figure(row, p.row, c, notes[c.Name])
	}
	for _, runs := range h.rows {
		for run, r := range runs {
			if r != nil && !r.whole() {
				runs[run] = nil
			}
		}
	}
}

func (h *heard) figure(row *lavaRow, name string, c lava.Case, text string) {
	if c.Unit == unitNA || c.Unit == unitFailed {
		why := cmp.Or(clean(strings.TrimSpace(text)), "the lab has no text: see its log")
		if c.Unit == unitFailed {
			why = failedNA + why
			h.doubt("%s: %s", name, why)
		}
		row.na = &report.NA{Name: name, Why: why}
		return
	}
	v, err := strconv.ParseFloat(c.Measurement, 64)
	if err != nil || !(v >= 0 && v <= 1e18) {
		h.doubt("%s is %.40q %s, which is no figure", c.Name, c.Measurement, clean(c.Unit))
		return
	}
	if old, twice := row.figures[c.Unit]; twice {
		if old != v {
			h.doubt("the device has measured %s twice: it began again", name)
			row.twice = true
		}
	} else {
		row.units = append(row.units, c.Unit)
	}
	row.figures[c.Unit] = v
}

// whole reports whether a row can be made of it.
func (r *lavaRow) whole() bool {
	return r.na != nil || !r.twice && r.figures["ns/op"] > 0 && r.figures[unitCalls] > 0 && r.figures[unitCPUs] > 0 &&
		r.figures[unitFigures] == float64(len(r.units)-3)
}

// result makes a row as the device's own file would have it.
func (r *lavaRow) result(name string, keys laneKeys) *benchfmt.Result {
	res := &benchfmt.Result{
		Config: keys.config(), Iters: int(r.figures[unitCalls]),
		Name: benchfmt.Name(fmt.Sprintf("%s-%.0f", name, r.figures[unitCPUs])),
	}
	for _, unit := range r.units {
		if unit != unitCalls && unit != unitCPUs && unit != unitFigures {
			res.Values = append(res.Values, benchfmt.Value{Value: r.figures[unit], Unit: unit})
		}
	}
	return res
}

// lacks names what the job was to do and this run has not done.
func (h *heard) lacks(j *lavaJob) (checks, rows []string) {
	for _, id := range j.Checks {
		if _, ok := h.checks[id]; !ok {
			checks = append(checks, id)
		}
	}
	for _, name := range j.Rows {
		if !h.wholeRow(name) {
			rows = append(rows, name)
		}
	}
	return checks, rows
}

func (h *heard) wholeRow(name string) bool {
	runs := h.rows[name]
	return len(runs) > 0 && !slices.Contains(runs, nil)
}
