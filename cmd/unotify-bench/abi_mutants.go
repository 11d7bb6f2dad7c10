package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// How good are the checks? `abi --mutants` switches one seeded bug on after
// the other in the machine that runs, and has checks run until one fails. A
// mutant is entered into the report as if it were a check itself: that some
// check finds the fault is what must hold.

// noFault is the kernel as it should be: what finds a fault must pass on it.
const noFault = "none"

// mutantPrefix begins the IDs of mutants in reports.
const mutantPrefix = "mutant."

// mutant is the guest's order to hunt for one fault.
type mutant struct {
	Fault string
	First []string // checks that are likely to find it
}

// hunted is a result that came while a fault was on.
type hunted struct {
	Fault  string
	Result suite.Result
}

// planMutants makes rows of the faults, and hunters of the checks.
func (p *abiPlan) planMutants() {
	p.hunters = p.checks
	p.checks = []*suite.Check{mutantCheck(kernel.Fault{Name: noFault, Doc: "the kernel as it should be: what finds faults finds none here"})}
	for _, f := range p.faults {
		p.checks = append(p.checks, mutantCheck(f))
	}
}

func mutantCheck(f kernel.Fault) *suite.Check {
	return &suite.Check{
		ID: mutantPrefix + f.Name, Level: suite.Must, Doc: "some check fails: " + f.Doc,
		Source: "kernel/faults, section " + f.Section,
	}
}

func faultOf(c *suite.Check) string { return strings.TrimPrefix(c.ID, mutantPrefix) }

// order is what is run in search of a fault: the checks that are likely to
// find it, then all others; without a fault, just what finds some.
func (m mutant) order(all []string) []string {
	if m.Fault == noFault {
		return m.First
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return slices.Contains(m.First, id) })
	return slices.Concat(m.First, rest)
}

// huntJob is the guest's order for what a lane has left to do.
func (r *abiRunner) huntJob(l *abiLane) job {
	var j job
	for _, c := range r.hunters {
		j.Checks = append(j.Checks, c.ID)
	}
	known := func(ids ...string) (out []string) {
		for _, id := range ids {
			if slices.Contains(j.Checks, id) && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
		return out
	}
	for _, c := range l.todo {
		m := mutant{Fault: faultOf(c)}
		if m.Fault != noFault {
			m.First = known(finders[m.Fault])
			j.Mutants = append(j.Mutants, m)
			continue
		}
		for _, f := range r.faults {
			m.First = known(append(m.First, finders[f.Name])...)
		}
		j.Mutants = append(j.Mutants, m)
	}
	return j
}

// hunt follows what a guest says of its mutants. As in said, it is believed
// only what it was asked.
type hunt struct {
	job
	ran int // checks on the first of job.Mutants
	bad []string
}

// heard takes an event. It returns the mutant's row once that is known.
func (h *hunt) heard(e kernel.Event) (*suite.Result, error) {
	if err := complaint(e, eventHunt); err != nil {
		return nil, err
	}
	var got hunted
	if err := decode(e.Data, &got, "result"); err != nil {
		return nil, err
	}
	if len(h.Mutants) == 0 {
		return nil, errors.New("guest sent more results than were asked for")
	}
	m := h.Mutants[0]
	order := m.order(h.Checks)
	if got.Fault != m.Fault || got.Result.ID != order[h.ran] {
		return nil, fmt.Errorf("guest sent a result for %.80q with %.80q, asked was %q with %q", got.Result.ID, got.Fault, order[h.ran], m.Fault)
	}
	h.ran++
	found, why := failed(got.Result)
	if found {
		h.bad = append(h.bad, got.Result.ID)
	}
	res := &suite.Result{ID: mutantPrefix + m.Fault, Outcome: suite.Held}
	switch {
	case m.Fault == noFault && h.ran < len(order), m.Fault != noFault && !found && h.ran < len(order):
		return nil, nil
	case m.Fault == noFault && len(h.bad) > 0:
		res.Outcome, res.Text = suite.Broken, "without any fault: "+strings.Join(h.bad, ", ")
	case m.Fault == noFault:
		res.Text = fmt.Sprintf("%d checks pass", len(order))
	case found:
		res.Text = got.Result.ID + "\n" + sanitize(why)
	default:
		res.Outcome, res.Text = suite.Broken, fmt.Sprintf("%d checks have not found it", h.ran)
	}
	h.Mutants, h.ran, h.bad = h.Mutants[1:], 0, nil
	return res, nil
}

// failed reports whether a result is a failure on the project's own kernel.
func failed(res suite.Result) (bool, string) {
	c := suite.Find(res.ID)
	if c == nil {
		return false, ""
	}
	v, text := c.Judge(res, suite.ExpectPatched)
	return v == suite.Fail, text
}

// mutantTable has a line a fault, with what found it in each lane, and the
// score of each section of the checks.
func (r *abiReport) mutantTable(faults []kernel.Fault) error {
	byLane := make([]map[string]abiRow, len(r.lanes))
	w := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "fault\tsection")
	for i, l := range r.lanes {
		fmt.Fprintf(w, "\tfound on %s by", l.Where)
		byLane[i] = map[string]abiRow{}
		for _, row := range l.Rows {
			byLane[i][faultOf(row.Check)] = row
		}
	}
	fmt.Fprintln(w)
	for _, f := range faults {
		fmt.Fprintf(w, "%s\t%s", f.Name, f.Section)
		for _, rows := range byLane {
			row, ok := rows[f.Name]
			switch {
			case !ok:
				fmt.Fprint(w, "\t(not tried)")
			case row.Verdict == suite.Pass:
				fmt.Fprintf(w, "\t%s", firstLine(row.Text))
			case row.Verdict == suite.Fail:
				fmt.Fprint(w, "\tSURVIVED")
			default:
				fmt.Fprintf(w, "\t%s: %s", row.Verdict, firstLine(row.Text))
			}
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, l := range r.lanes {
		score, total := map[string][2]int{}, [2]int{}
		for _, f := range faults {
			n := score[f.Section]
			n[1]++
			total[1]++
			if byLane[i][f.Name].Verdict == suite.Pass {
				n[0]++
				total[0]++
			}
			score[f.Section] = n
		}
		fmt.Fprintf(r.w, "%s (Linux %s): %d of %d found", l.Where, l.Release, total[0], total[1])
		for _, s := range slices.Sorted(maps.Keys(score)) {
			fmt.Fprintf(r.w, ", %s %d/%d", s, score[s][0], score[s][1])
		}
		healthy, ok := byLane[i][noFault]
		switch {
		case !ok:
			fmt.Fprintln(r.w, "; not tried without a fault")
		default:
			fmt.Fprintf(r.w, "; without a fault: %s\n", firstLine(healthy.Text))
		}
	}
	return nil
}
