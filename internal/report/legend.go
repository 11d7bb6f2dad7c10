package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// facts is a line for each column: what it was measured on, and how often.
func (t *table) facts(width int, p painter) string {
	label := 0
	for _, l := range t.labels {
		label = max(label, runes(l))
	}
	for _, na := range t.absent {
		label = max(label, runes(cut(na.Where, maxLabel)))
	}
	var out strings.Builder
	for i, c := range t.columns {
		out.WriteString(wrap(left(t.labels[i], label)+"  ", strings.Join(c.facts(), ", "), width))
	}
	var said []string
	for _, na := range t.absent {
		what := strings.TrimSpace(na.keys["mech"] + " " + na.keys["syscall"] + " " + variantOf(na.keys))
		line := wrap(left(cut(clean(na.Where), maxLabel), label)+"  ", clean(what+" n/a: "+na.Why), width)
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	out.WriteString(strings.Join(said, ""))
	return out.String()
}

func (c *column) facts() []string {
	var facts []string
	add := func(format string, args ...any) { facts = append(facts, clean(fmt.Sprintf(format, args...))) }
	if c.Kernel != "" {
		add("Linux %s", c.Kernel)
	}
	if v := c.configs["cpu"]; len(v) > 0 && c.Accel == "native" {
		add("%s", strings.Join(v, " and "))
	}
	machine := ""
	if v := c.configs["qemu"]; len(v) > 0 {
		machine = " of QEMU " + strings.Join(v, " and ")
	}
	switch {
	case c.Clock == "insns":
		add("instructions%s", machine)
	case c.Emulated():
		add("emulated time%s", machine)
	case c.Accel == "kvm":
		add("time, KVM%s", machine)
	default:
		add("time")
	}
	fewest, most, spread := 0, 0, 0.0
	for _, cl := range c.order {
		st := summarize(cl, c.Lane.headline())
		if fewest == 0 || st.n < fewest {
			fewest = st.n
		}
		most, spread = max(most, st.n), max(spread, st.spread)
	}
	kind := "run"
	if len(c.configs["seeds"]) > 0 {
		kind = "seed"
	}
	switch {
	case most == 1:
		add("1 %s", kind)
	case fewest == most:
		add("%d %ss", most, kind)
	default:
		add("%d to %d %ss", fewest, most, kind)
	}
	if most > 1 {
		add("%s at most", percent(spread))
	}
	return facts
}

// footnotes explain the marks in the cells.
func (t *table) footnotes(width int) string {
	var out strings.Builder
	for i, why := range t.notes {
		out.WriteString(wrap("["+strconv.Itoa(i+1)+"] ", clean(why), width))
	}
	for _, line := range t.oddities() {
		out.WriteString(wrap("* ", line, width))
	}
	if slices.ContainsFunc(t.columns, func(c *column) bool {
		return slices.ContainsFunc(c.order, func(cl *cell) bool { return summarize(cl, c.Lane.headline()).modes > 0 })
	}) {
		out.WriteString(wrap("² ", "calls cluster at two values: the median can flip between them, so compare means", width))
	}
	if out.Len() > 0 {
		out.WriteString("\n")
	}
	return out.String()
}

// oddities says which cells show another combination than the headline, one
// line for each combination.
func (t *table) oddities() []string {
	var diffs []string
	mechs := make(map[string][]string)
	columns := make(map[string][]int)
	for _, b := range t.blocks {
		for _, o := range b.odd {
			if !slices.Contains(diffs, o.diff) {
				diffs = append(diffs, o.diff)
			}
			if !slices.Contains(mechs[o.diff], o.mech) {
				mechs[o.diff] = append(mechs[o.diff], o.mech)
			}
			if !slices.Contains(columns[o.diff], o.column) {
				columns[o.diff] = append(columns[o.diff], o.column)
			}
		}
	}
	var lines []string
	for _, d := range diffs {
		var names []string
		slices.Sort(columns[d])
		for _, i := range columns[d] {
			if i != wholeRow {
				names = append(names, t.labels[i])
			}
		}
		where := ""
		if len(names) > 0 && len(names) < len(t.columns) {
			where = " on " + strings.Join(names, ", ")
		}
		lines = append(lines, clean(strings.Join(mechs[d], ", ")+where+": "+d))
	}
	return lines
}

// legend is what a reader needs who has not seen the table before.
func (t *table) legend(o TableOptions, narrowed bool, full int) string {
	var insns, time, emulated bool
	for _, c := range t.columns {
		insns = insns || c.Clock == "insns"
		time = time || c.Clock != "insns" && !c.Emulated()
		emulated = emulated || c.Emulated()
	}
	var out strings.Builder
	say := func(text string) { out.WriteString(wrap("", text, o.Width)) }

	say("What one call takes, as its caller sees it: median of medians. Less is faster.")
	if slices.ContainsFunc(t.columns, func(c *column) bool {
		return slices.ContainsFunc(c.order, func(cl *cell) bool { return cl.keys["targets"] != "" })
	}) {
		say("With targets: what passes while so many processes make so many calls, for each call.")
	}
	var units []string
	if insns {
		units = append(units, "insns: guest instructions, which repeat exactly but are not time.")
	}
	if time {
		units = append(units, "ns: time.")
	}
	if emulated {
		units = append(units, "Emulated ns are QEMU's own and tell nothing of a CPU.")
	}
	say(strings.Join(units, " "))
	if narrowed {
		say(fmt.Sprintf("×cont: times `continue`. ±: spread over runs. %d wide: each ±, and added.", full))
	} else {
		say("added: to the native call. ×cont: times `continue`. ±: spread over runs.")
	}
	say("✓ safe, race-free; ! unsafe, memory can change after the check; · no check.")
	shown := "Shown: wake=sync, cpus=same."
	switch {
	case o.All:
		return out.String()
	case t.hidden > 0 && o.SeeAll != "":
		shown += fmt.Sprintf(" %d more rows: %s", t.hidden, o.SeeAll)
	case t.hidden > 0:
		shown += fmt.Sprintf(" %d more rows in the results.", t.hidden)
	}
	say(shown)
	return out.String()
}
