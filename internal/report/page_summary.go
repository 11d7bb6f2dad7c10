package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// summary is what a reader takes away who reads nothing else: every word of it
// follows from the data and the catalogue.
func (d *digest) summary() *Section {
	s := &Section{ID: "summary", Title: "What is fast, what is safe"}
	s.Commands = []string{"unotify-bench report FILE… -o page.html"}
	s.Text = append(s.Text, d.raceLines()...)
	for _, g := range d.groups {
		s.Text = append(s.Text, g.lines()...)
	}
	s.Text = append(s.Text, d.checkLines()...)
	s.Tables = append(s.Tables, d.promises())
	for _, g := range d.groups {
		if t := g.overview(); t != nil {
			s.Tables = append(s.Tables, t)
		}
	}
	s.Notes = []string{"✓ race-free: what was checked is what is used. ! racy: memory can change between the check and its use. · no decision outside the target."}
	return s
}

func esc(s string) string { return html.EscapeString(clean(s)) }

// code marks up names of mechanisms.
func code(names []string) string {
	var out []string
	for _, n := range names {
		out = append(out, "<code>"+esc(n)+"</code>")
	}
	return list(out)
}

// raceLines says who loses the race, and who was not seen to.
func (d *digest) raceLines() []template.HTML {
	var lines []template.HTML
	var holds []string
	sums := d.raceSums()
	fewest := math.MaxInt
	for _, mech := range sortedKeys(sums) {
		switch s := sums[mech]; {
		case s.tries == 0:
		case s.won > 0:
			loses := "<b>" + code([]string{mech}) + " loses the race</b>"
			if SafetyOf(mech) == RaceFree {
				loses = `<b class="bad">` + code([]string{mech}) + " lost the race, which it promises not to</b>"
			}
			lines = append(lines, template.HTML(fmt.Sprintf( //nolint:gosec // every text in it is escaped
				"%s: in up to %s of the tries (%s, attack: %s) the kernel acted on what nobody had approved.",
				loses, percentage(s.worst.Rate), esc(s.worst.Where), esc(s.worst.Attack))))
		case !s.bad:
			holds = append(holds, mech)
			fewest = min(fewest, s.tries)
		}
	}
	if len(holds) > 0 {
		slices.SortFunc(holds, func(a, b string) int { return cmp.Compare(mechRank(a), mechRank(b)) })
		lines = append(lines, template.HTML(fmt.Sprintf( //nolint:gosec // every text in it is escaped
			"<b>%s did not lose once</b> in at least %d tries each: less than %s of them are lost, with 95 %% confidence.", code(holds), fewest, percentage(bound(fewest)))))
	}
	return lines
}

func percentage(v float64) string { return fmt.Sprintf("%.2g %%", v*100) }

// lines compares the race-free answers to one call, a line a place: to
// openat, which most mechanisms can answer, or what else there is.
func (g *group) lines() []template.HTML {
	t := g.table()
	var b *block
	for _, x := range t.blocks {
		if b == nil || x.keys["syscall"] == "openat" {
			b = x
		}
	}
	if b == nil {
		return nil
	}
	var lines []template.HTML
	for i := range t.columns {
		type answer struct {
			mech string
			tcell
		}
		var safe []answer
		var cont tcell
		for _, r := range b.rows {
			switch c := r.cells[i]; {
			case c.n == 0:
			case r.mech == "continue":
				cont = c
			case SafetyOf(r.mech) == RaceFree && c.ratio > 0:
				safe = append(safe, answer{r.mech, c})
			}
		}
		if cont.n == 0 || len(safe) == 0 {
			continue
		}
		slices.SortStableFunc(safe, func(a, b answer) int { return cmp.Compare(a.ratio, b.ratio) })
		var words []string
		for _, a := range safe {
			words = append(words, "<code>"+esc(a.mech)+"</code> "+ratio(a.ratio))
		}
		lines = append(lines, template.HTML(fmt.Sprintf( //nolint:gosec // every text in it is escaped
			"<b>%s on %s</b>: <code>continue</code>, racy, takes %s %s. Race-free: %s.",
			esc(b.title()), esc(t.labels[i]), amount(cont.center, g.headline()), esc(g.unit()), strings.Join(words, ", "))))
	}
	return lines
}

// checkLines counts checks and seeded bugs.
func (d *digest) checkLines() []template.HTML {
	var lines []template.HTML
	for _, p := range d.checkPlaces() {
		n := map[string]int{}
		for i := range d.checks {
			if p.of(&d.checks[i]) {
				n[d.checks[i].Verdict]++
			}
		}
		verdict := "keeps its word"
		if n["fail"]+n["error"] > 0 {
			verdict = "does not keep its word"
		}
		lines = append(lines, template.HTML(fmt.Sprintf( //nolint:gosec // every text in it is escaped
			"<b>%s (Linux %s) %s</b>: %s.", esc(p.where), esc(p.kernel), verdict, counted(n))))
	}
	return lines
}

// promises is what each mechanism promises, and what was seen of that.
func (d *digest) promises() *PageTable {
	t := &PageTable{Caption: "what is safe", Head: []string{"mechanism", "promise", "because", "race: lost of tries", "checks"}, Text: 9, Wrap: true}
	sums := d.raceSums()
	checks := map[string]map[string]int{}
	for i := range d.checks {
		c := &d.checks[i]
		if checks[c.mech()] == nil {
			checks[c.mech()] = map[string]int{}
		}
		checks[c.mech()][c.Verdict]++
	}
	for _, m := range mechanisms {
		race := PageCell{}
		if s, ok := sums[m.Name]; ok && s.tries > 0 {
			race.Text = fmt.Sprintf("%d of %d", s.won, s.tries)
			if s.won > 0 && m.Safety == RaceFree {
				race.Class = "bad"
			}
		}
		t.Rows = append(t.Rows, PageRow{Cells: []PageCell{
			mechCell(m.Name), {Text: m.Safety.String(), Class: m.Safety.class()}, {Text: m.Why, Class: "say"}, race, {Text: counted(checks[m.Name])},
		}})
	}
	return t
}

// overview is each mechanism's cost in times continue's, over all calls.
func (g *group) overview() *PageTable {
	t := g.table()
	out := &PageTable{Caption: "what is fast: times continue, in " + g.title() + "; geometric mean over calls, and the range", Head: []string{"mechanism"},
		Groups: []PageGroup{{"", 1}}, Text: 1}
	var mechs []string
	for _, b := range g.blocks() {
		for _, r := range b.rows {
			if !slices.Contains(mechs, r.mech) {
				mechs = append(mechs, r.mech)
			}
		}
	}
	slices.SortStableFunc(mechs, func(a, b string) int { return cmp.Compare(mechRank(a), mechRank(b)) })
	for _, l := range t.labels {
		out.Groups = append(out.Groups, PageGroup{l, 3})
		out.Head = append(out.Head, "mean", "range", "calls")
	}
	for _, mech := range mechs {
		row := PageRow{Cells: []PageCell{mechCell(mech)}}
		for i := range t.columns {
			var logs []float64
			for _, b := range g.blocks() {
				for _, r := range b.rows {
					if r.mech == mech && r.cells[i].ratio > 0 {
						logs = append(logs, math.Log(r.cells[i].ratio))
					}
				}
			}
			if len(logs) == 0 {
				row.Cells = append(row.Cells, words("–", "", "")...)
				continue
			}
			sum := 0.0
			for _, l := range logs {
				sum += l
			}
			row.Cells = append(row.Cells, PageCell{Text: ratio(math.Exp(sum / float64(len(logs)))), Class: "strong"},
				PageCell{Text: plain(math.Exp(slices.Min(logs))) + "–" + plain(math.Exp(slices.Max(logs)))}, PageCell{Text: fmt.Sprint(len(logs))})
		}
		out.Rows = append(out.Rows, row)
	}
	if len(out.Rows) == 0 {
		return nil
	}
	return out
}

// sources says what the page was made from.
func (d *digest) sources() *Section {
	s := &Section{ID: "sources", Title: "What this was made from"}
	t := &PageTable{Caption: "files", Head: []string{"file", "holds"}, Text: 9, Wrap: true}
	for _, in := range d.inputs {
		t.Rows = append(t.Rows, PageRow{Cells: words(clean(in.Name), in.holds())})
	}
	s.Tables = []*PageTable{t}
	s.Notes = append(s.Notes, d.asides()...)
	for _, w := range d.warnings {
		s.Notes = append(s.Notes, "warning: "+clean(cut(w.Error(), 300)))
	}
	return s
}

// asides names what was read and is not shown.
func (d *digest) asides() []string {
	var lines []string
	for _, o := range d.older {
		lines = append(lines, clean(fmt.Sprintf("%s holds another kernel of %s, which was measured before and is not shown: unotify-bench compare %s %s",
			o.file, o.where, o.file, o.instead)))
	}
	return lines
}

func (in *Input) holds() string {
	switch {
	case in.Faults != nil:
		return fmt.Sprintf("%d seeded bugs", len(in.Faults.Rows))
	case len(in.Races) > 0:
		return fmt.Sprintf("%d races", len(in.Races))
	case len(in.Checks) > 0:
		return fmt.Sprintf("%d checks", len(in.Checks))
	case len(in.Studies) > 0:
		return fmt.Sprintf("how well runs repeat in %s", plural(len(in.Studies), "place"))
	}
	var programs []string
	for _, r := range in.File.Results {
		if v := clean(r.GetConfig("unotify-bench")); v != "" && !slices.Contains(programs, v) {
			programs = append(programs, v)
		}
	}
	return fmt.Sprintf("%d results, %d n/a, measured with unotify-bench %s", len(in.File.Results), len(in.File.NAs), cut(strings.Join(programs, ", "), 200))
}
