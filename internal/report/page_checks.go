package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// checkPlaces are where checks were made, as they came: two kernels of one
// place are two columns.
type checkPlace struct{ where, kernel string }

func (d *digest) checkPlaces() []checkPlace {
	var places []checkPlace
	for _, c := range d.checks {
		if p := (checkPlace{c.Where, c.Kernel}); !slices.Contains(places, p) && len(places) < maxPlaces {
			places = append(places, p)
		}
	}
	return places
}

// onKernels are the flags that choose places and their kernel.
func onKernels(places []checkPlace) string {
	var on, kernels []string
	for _, p := range places {
		if w := clean(p.where); !slices.Contains(on, w) {
			on = append(on, w)
		}
		accel := ""
		if p.where == "host" {
			accel = "native"
		}
		if k := kernelFlag(Lane{Accel: accel, Kernel: p.kernel}); k != "" && !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	sortPlaces(on)
	flags := " --on " + strings.Join(on, ",")
	if len(kernels) > 1 {
		return flags + " --kernel …"
	}
	return flags + strings.Join(kernels, "")
}

func (p checkPlace) of(c *Check) bool { return c.Where == p.where && c.Kernel == p.kernel }

// checkSection is the matrix of checks and places: counts first, then what is
// not right in full, then all.
func (d *digest) checkSection() *Section {
	if len(d.checks) == 0 {
		return nil
	}
	places := d.checkPlaces()
	command := "unotify-bench abi" + onKernels(places)
	s := &Section{ID: "conformance", Title: "Conformance", Commands: []string{command}, Text: []template.HTML{
		"Does each kernel keep its word? Every check runs in a process of its own. <em>skip</em>: the kernel lacks what the check is about. " +
			"<em>divergent</em>: it differs where only this project promises something.",
	}}
	var order []string // of mechanisms
	byMech := map[string][]string{}
	matrix := map[string][]*Check{}
	for i := range d.checks {
		c := &d.checks[i]
		at := slices.IndexFunc(places, func(p checkPlace) bool { return p.of(c) })
		if at < 0 {
			continue
		}
		if matrix[c.ID] == nil {
			matrix[c.ID] = make([]*Check, len(places))
			if byMech[c.mech()] == nil {
				order = append(order, c.mech())
			}
			byMech[c.mech()] = append(byMech[c.mech()], c.ID)
		}
		matrix[c.ID][at] = c
	}
	s.Tables = []*PageTable{checkCounts(places, order, byMech, matrix)}
	if t := d.badChecks(); t != nil {
		s.Tables = append(s.Tables, t)
	}
	for _, mech := range order {
		t := checkTable(places, byMech[mech], matrix)
		t.Caption = "checks of " + clean(mech)
		s.Parts = append(s.Parts, &Section{
			ID: "checks-" + slug(mech), Title: clean(mech) + ": " + tally(byMech[mech], matrix), Folded: true, Tables: []*PageTable{t},
			Commands: []string{command + " --mech " + clean(mech), command + " --run '^" + clean(strings.ReplaceAll(byMech[mech][0], ".", `\.`)) + "$'"},
		})
	}
	return s
}

// tally is how the checks ended, over all places.
func tally(ids []string, matrix map[string][]*Check) string {
	n := map[string]int{}
	for _, id := range ids {
		for _, c := range matrix[id] {
			if c != nil {
				n[c.Verdict]++
			}
		}
	}
	return counted(n)
}

func counted(n map[string]int) string {
	var parts []string
	for _, v := range slices.Backward(checkVerdicts) {
		if n[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[v], v))
		}
	}
	return strings.Join(parts, ", ")
}

func checkCounts(places []checkPlace, order []string, byMech map[string][]string, matrix map[string][]*Check) *PageTable {
	t := &PageTable{Caption: "how many checks ended how", Groups: []PageGroup{{"", 1}}, Head: []string{"mechanism"}, Text: 1}
	for _, p := range places {
		t.Groups = append(t.Groups, PageGroup{clean(p.where + ", Linux " + p.kernel), len(checkVerdicts)})
		for _, v := range slices.Backward(checkVerdicts) {
			t.Head = append(t.Head, v)
		}
	}
	for _, mech := range order {
		row := PageRow{Cells: words(clean(mech))}
		for i := range places {
			n := map[string]int{}
			for _, id := range byMech[mech] {
				if c := matrix[id][i]; c != nil {
					n[c.Verdict]++
				}
			}
			for _, v := range slices.Backward(checkVerdicts) {
				cell := PageCell{Text: "·", Class: "na"}
				if n[v] > 0 {
					cell = PageCell{Text: fmt.Sprint(n[v]), Class: "v-" + v}
				}
				row.Cells = append(row.Cells, cell)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func checkTable(places []checkPlace, ids []string, matrix map[string][]*Check) *PageTable {
	t := &PageTable{Head: []string{"check"}, Text: 9, Wrap: true}
	for _, p := range places {
		t.Head = append(t.Head, clean(p.where))
	}
	t.Head = append(t.Head, "what must hold", "source")
	for _, id := range ids {
		row := PageRow{Cells: words(clean(id))}
		var some *Check
		for _, c := range matrix[id] {
			if c == nil {
				row.Cells = append(row.Cells, PageCell{Text: "–", Class: "na"})
				continue
			}
			some = c
			row.Cells = append(row.Cells, PageCell{Text: c.Verdict, Class: "v-" + c.Verdict, Title: cut(oneLine(c.Text), 200)})
		}
		row.Cells = append(row.Cells, PageCell{Text: oneLine(some.Doc), Class: "say"}, PageCell{Text: oneLine(some.Source), Class: "na"})
		t.Rows = append(t.Rows, row)
	}
	return t
}

func oneLine(s string) string { return clean(strings.Join(strings.Fields(s), " ")) }

// maxBad bounds the texts of failures that are shown in full.
const maxBad = 200

// badChecks says in full what is not right, nil if all is.
func (d *digest) badChecks() *PageTable {
	t := &PageTable{Caption: "what is not right", Head: []string{"where", "check", "verdict", "what was seen"}, Text: 9, Wrap: true}
	for i := range d.checks {
		c := &d.checks[i]
		if c.Verdict == "pass" || c.Verdict == "skip" || len(t.Rows) >= maxBad {
			continue
		}
		t.Rows = append(t.Rows, PageRow{Cells: []PageCell{
			{Text: clean(c.Where)}, {Text: clean(c.ID)}, {Text: c.Verdict, Class: "v-" + c.Verdict}, {Text: c.Text, Class: "pre"},
		}})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// faultSection judges the checks in turn.
func (d *digest) faultSection() *Section {
	if len(d.faults) == 0 {
		return nil
	}
	s := &Section{ID: "faults", Title: "What the checks find", Commands: []string{"unotify-bench abi --mutants"}, Text: []template.HTML{
		"Bugs seeded into our own kernel, each alone: which check finds it.",
	}}
	part := &Section{ID: "faults-all", Title: "every bug, and the check that finds it", Folded: true}
	for _, f := range d.faults {
		s.Notes = append(s.Notes, f.Sums...)
		t := &PageTable{Caption: "seeded bugs", Head: []string{"bug", "section"}, Text: 9}
		for _, p := range f.Places {
			t.Head = append(t.Head, "found on "+p+" by")
		}
		for _, r := range f.Rows {
			row := PageRow{Cells: words(r.Name, r.Section)}
			for _, by := range r.Found {
				cell := PageCell{Text: by}
				if by == "" || strings.HasPrefix(by, "-") || strings.Contains(by, "not found") {
					cell.Class = "bad"
				}
				row.Cells = append(row.Cells, cell)
			}
			t.Rows = append(t.Rows, row)
		}
		part.Tables = append(part.Tables, t)
	}
	s.Parts = []*Section{part}
	return s
}
