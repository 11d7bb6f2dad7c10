package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// workloadBase is the base name of rows that are whole programs.
const workloadBase = "Workload"

// WorkloadTable prints what whole programs cost under a policy: a block for
// each program, a row for each mechanism; a table for each lane, as a row has
// more to say than that of a call.
func (s *Set) WorkloadTable(w io.Writer, o TableOptions) error {
	if o.Width == 0 {
		o.Width = 80
	}
	o.Width = max(o.Width, 50)
	for _, c := range s.columns {
		c.sort()
	}
	t := &table{columns: s.columns, labels: labels(s.columns)}
	var out strings.Builder
	out.WriteString(t.facts(o.Width, painter(o.Color)))
	if len(s.columns) == 0 {
		out.WriteString("No results.\n")
	}
	var insns bool
	for i, c := range s.columns {
		out.WriteString("\n")
		l := &workloadLane{table: t, column: c, nas: s.nas, label: t.labels[i], paint: painter(o.Color)}
		l.write(&out, o.Width)
		insns = insns || c.Clock == "insns"
	}
	out.WriteString("\n" + t.footnotes(o.Width))
	say := func(text string) { out.WriteString(wrap("", text, o.Width)) }
	say("What the whole program takes, median of runs; cost: more than native; each: what every notification or stop adds.")
	if insns {
		say("insns: guest instructions, which repeat exactly but are not time.")
	}
	say("traps: calls that somebody judged; denied: of these; racy: allowed, and the kernel read the program's memory again; won: how often the attack got around the policy.")
	say("✓ safe, race-free; ! some calls can be changed after the check; · no check.")
	_, err := io.WriteString(w, out.String())
	return err
}

// workloadLane is one lane's table.
type workloadLane struct {
	*table
	column *column
	nas    []exclusion
	label  string
	paint  painter
}

// workloadLine is one row: what it says, and how it is painted.
type workloadLine struct {
	cells  []string
	style  style
	center float64 // of its headline
}

var workloadHeads = []string{"", "", "cost", "traps", "denied", "racy", "each"}

func (l *workloadLane) write(out *strings.Builder, width int) {
	var lines []workloadLine
	var never []string // by line behind which it stands, "" for none
	for i, name := range l.workloads() {
		if i > 0 {
			lines, never = append(lines, workloadLine{}), append(never, "")
		}
		head := slices.Clone(workloadHeads)
		head[0], head[1] = name, strings.TrimSuffix(l.column.Lane.headline(), "/op")
		if name == "attack" {
			head[2] = "won"
		}
		lines, never = append(lines, workloadLine{head, bold, 0}), append(never, "")
		more, absent := l.rows(name)
		lines, never = append(lines, more...), append(never, make([]string, len(more))...)
		never[len(never)-1] = absent
	}
	widths := make([]int, len(workloadHeads))
	for _, line := range lines {
		for i, c := range line.cells {
			widths[i] = max(widths[i], runes(c))
		}
	}
	total := 0
	for i := range widths {
		add := widths[i]
		if i > 0 {
			add = gap + max(widths[i], 6)
			widths[i] = add - gap
		}
		// What does not fit is left out, from the right.
		if i > 2 && total+add > width {
			widths = widths[:i]
			break
		}
		total += add
	}
	out.WriteString(l.paint.paint(bold, rule(l.label, min(total, width))) + "\n")
	for n, line := range lines {
		var text strings.Builder
		for i, c := range line.cells[:min(len(widths), len(line.cells))] {
			if i == 0 {
				text.WriteString(left(c, widths[0]))
				continue
			}
			text.WriteString(strings.Repeat(" ", gap) + right(c, widths[i]))
		}
		out.WriteString(l.paint.paint(line.style, strings.TrimRight(text.String(), " ")) + "\n")
		if never[n] != "" {
			out.WriteString(wrap("  n/a: ", never[n], width))
		}
	}
}

// workloads are those of the lane, in the order in which they came.
func (l *workloadLane) workloads() []string {
	var names []string
	for _, c := range l.column.order {
		if base, keys, _ := splitName(c.lines[0].Name); base == workloadBase && !slices.Contains(names, keys["workload"]) {
			names = append(names, keys["workload"])
		}
	}
	for _, na := range l.nas {
		if w := na.keys["workload"]; na.base == workloadBase && na.at(l.column) && w != "" && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(workloadRank(a), workloadRank(b)) })
	return names
}

// workloadOrder is the order of blocks: the plainest first, the attack last.
var workloadOrder = []string{"walk", "log", "serve", "spawn", "build"}

func workloadRank(name string) int {
	if i := slices.Index(workloadOrder, name); i >= 0 {
		return i
	}
	if name == "attack" {
		return len(workloadOrder) + 1
	}
	return len(workloadOrder)
}

// rows are the lines of one workload, and who cannot run it, with the reasons'
// numbers.
func (l *workloadLane) rows(name string) (lines []workloadLine, never string) {
	b := &block{name: blockOf(workloadBase, map[string]string{"workload": name}), base: workloadBase, keys: map[string]string{"workload": name}}
	var absent []string
	native := 0.0
	for _, mech := range b.mechs([]*column{l.column}, l.nas) {
		at := slices.IndexFunc(l.column.order, func(c *cell) bool { return c.block == b.name && c.mech == mech })
		if at < 0 {
			absent = append(absent, fmt.Sprintf("%s [%d]", clean(mech), l.note(b, l.column, mech, nil, l.nas)))
			continue
		}
		c := l.column.order[at]
		if mech == "native" {
			native = summarize(c, l.column.Lane.headline()).center
		}
		lines = append(lines, l.line(c, native))
	}
	return lines, strings.Join(absent, ", ")
}

func (l *workloadLane) line(c *cell, native float64) workloadLine {
	unit := l.column.Lane.headline()
	center := summarize(c, unit).center
	traps, racy := middle(c, "notifs/op"), middle(c, "racy/op")
	safety := SafetyOf(c.mech)
	if safety == RaceFree && racy > 0 {
		safety = Racy
	}
	cells := []string{safety.mark() + " " + clean(c.mech), amount(center, unit), "", "", "", "", ""}
	if native > 0 && c.mech != "native" {
		cells[2] = fmt.Sprintf("%+.0f%%", 100*(center/native-1))
	}
	if tries := middle(c, "tries/op"); tries > 0 {
		cells[2] = fmt.Sprintf("%.0f", middle(c, "breaches/op"))
	}
	if safety != NoDecision {
		for i, v := range []float64{traps, middle(c, "denied/op"), racy} {
			cells[3+i] = strconv.Itoa(int(v))
		}
		if native > 0 && center > native && traps > 0 {
			cells[6] = amount((center-native)/traps, unit)
		}
	}
	return workloadLine{cells, none, center}
}

// middle is the median over lines of a metric.
func middle(c *cell, unit string) float64 {
	var values []float64
	for _, row := range c.lines {
		values = append(values, row.Metrics[unit])
	}
	slices.Sort(values)
	return values[len(values)/2]
}
