package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
)

// TableOptions say how a table is printed.
type TableOptions struct {
	Width  int    // columns of the terminal, 80 if 0, and no less than 50
	Color  bool   // with ANSI escapes
	All    bool   // every combination of wake, cpus and peers as a row
	SeeAll string // how the reader gets All, as in "unotify-bench run --all"
}

// Table prints the set for people: a block for each thing the target does, a
// row for each mechanism, a column for each lane.
func (s *Set) Table(w io.Writer, o TableOptions) error {
	if o.Width == 0 {
		o.Width = 80
	}
	o.Width = max(o.Width, 50)
	t := s.table(o.All)
	_, err := io.WriteString(w, t.layout(o))
	return err
}

// A table is what is shown, before anybody asks how it fits.
type table struct {
	columns []*column
	labels  []string // of columns, each distinct
	blocks  []*block
	notes   []string    // why cells are n/a, by number
	absent  []exclusion // of places that have no column
	hidden  int         // rows that only All shows
}

type block struct {
	name  string // as a cellKey spells it
	base  string
	keys  map[string]string // without mech and variantKeys
	rows  []*row
	never []never // mechanisms that are n/a in every column
	odd   []odd
}

type never struct {
	mech string
	note int
}

// An odd is a cell that does not show the headline combination, or a row of
// which no cell does.
type odd struct {
	mech   string
	column int // or wholeRow
	diff   string
}

const wholeRow = -1

type row struct {
	mech    string
	variant string
	heading bool // no cells: the rows of its variants follow
	indent  bool
	odd     bool
	cells   []tcell // one a column
}

// A tcell is empty (not measured), n/a with a note, or has a stat.
type tcell struct {
	stat
	ratio float64 // to continue, 0 if that was not measured
	note  int
	odd   string // what differs from the headline combination
}

func (s *Set) table(all bool) *table {
	for _, c := range s.columns {
		c.sort()
	}
	t := &table{columns: s.columns, labels: labels(s.columns)}
	for _, na := range s.nas {
		if na.Where != "" && !slices.ContainsFunc(s.columns, na.at) {
			t.absent = append(t.absent, na)
		}
	}
	for _, b := range s.blocks() {
		b.fill(t, s.nas, all)
		if len(b.rows) > 0 || len(b.never) > 0 {
			t.blocks = append(t.blocks, b)
		}
	}
	return t
}

// labels are the places, numbered where one has several columns: the facts
// above the table tell them apart.
func labels(columns []*column) []string {
	count := make(map[string]int)
	for _, c := range columns {
		count[c.Where()]++
	}
	seen := make(map[string]int)
	var labels []string
	for _, c := range columns {
		l := cut(clean(c.Where()), 16)
		if count[c.Where()] > 1 {
			seen[c.Where()]++
			l += "#" + strconv.Itoa(seen[c.Where()])
		}
		labels = append(labels, l)
	}
	return labels
}

// blocks are those of the cells, and of n/a rows that belong to no such block.
func (s *Set) blocks() []*block {
	byName := make(map[string]*block)
	var blocks []*block
	add := func(base string, keys map[string]string) {
		name := blockOf(base, keys)
		if byName[name] != nil {
			return
		}
		b := &block{name: name, base: base, keys: maps.Clone(keys)}
		maps.DeleteFunc(b.keys, func(k, _ string) bool { return k == "mech" || slices.Contains(variantKeys, k) })
		byName[name] = b
		blocks = append(blocks, b)
	}
	for _, c := range s.columns {
		for _, cl := range c.order {
			base, keys, _ := splitName(cl.lines[0].Name)
			add(base, keys)
		}
	}
	for _, na := range s.nas {
		if na.keys["syscall"] != "" && !slices.ContainsFunc(blocks, na.covers) {
			add(na.base, na.keys)
		}
	}
	slices.SortStableFunc(blocks, func(a, b *block) int {
		size := func(b *block) int { n, _ := strconv.Atoi(b.keys["bytes"]); return n }
		return cmp.Or(
			cmp.Compare(syscallRank(a.keys["syscall"]), syscallRank(b.keys["syscall"])),
			cmp.Compare(size(a), size(b)),
			cmp.Compare(a.name, b.name),
		)
	})
	return blocks
}

func (b *block) fill(t *table, nas []exclusion, all bool) {
	for _, mech := range b.mechs(t.columns, nas) {
		variants := variantsOf(t.columns, b.name, mech)
		switch {
		case !all || len(variants) < 2:
			r := &row{mech: mech, cells: make([]tcell, len(t.columns))}
			for i, c := range t.columns {
				r.cells[i] = b.headline(t, c, mech, nas)
			}
			t.hidden += max(len(variants)-1, 0)
			b.add(r)
		default:
			b.rows = append(b.rows, &row{mech: mech, heading: true})
			for _, v := range variants {
				r := &row{mech: mech, variant: v.label, indent: true, cells: make([]tcell, len(t.columns))}
				for i, c := range t.columns {
					r.cells[i] = b.exact(t, c, mech, v, nas)
				}
				b.rows = append(b.rows, r)
			}
		}
	}
}

// add appends r, unless r is n/a for one reason in every column.
func (b *block) add(r *row) {
	note := 0
	if len(r.cells) > 0 {
		note = r.cells[0].note
	}
	if note == 0 || slices.ContainsFunc(r.cells, func(c tcell) bool { return c.note != note }) {
		b.rows = append(b.rows, r)
		b.oddities(r)
		return
	}
	b.never = append(b.never, never{r.mech, note})
}

// oddities notes what r shows that is not the headline combination. Where all
// of it is odd in one way, the row carries the mark, not each cell.
func (b *block) oddities(r *row) {
	var odds []odd
	same := true
	for i, c := range r.cells {
		if c.n > 0 {
			odds = append(odds, odd{r.mech, i, c.odd})
			same = same && c.odd == odds[0].diff
		}
	}
	if same && len(odds) > 0 {
		r.odd = odds[0].diff != ""
		odds = []odd{{r.mech, wholeRow, odds[0].diff}}
		for i := range r.cells {
			r.cells[i].odd = ""
		}
	}
	for _, o := range odds {
		if o.diff != "" {
			b.odd = append(b.odd, o)
		}
	}
}

func (b *block) mechs(columns []*column, nas []exclusion) []string {
	var mechs []string
	for _, c := range columns {
		for _, cl := range c.order {
			if cl.block == b.name && !slices.Contains(mechs, cl.mech) {
				mechs = append(mechs, cl.mech)
			}
		}
	}
	for _, na := range nas {
		here := slices.ContainsFunc(columns, na.at)
		if m := na.keys["mech"]; m != "" && here && na.covers(b) && !slices.Contains(mechs, m) {
			mechs = append(mechs, m)
		}
	}
	slices.SortStableFunc(mechs, func(a, b string) int { return cmp.Compare(mechRank(a), mechRank(b)) })
	return mechs
}

// headline is the cell of mech that a column shows when it shows one only.
func (b *block) headline(t *table, c *column, mech string, nas []exclusion) tcell {
	cl := c.headline(b.name, mech)
	if cl == nil {
		return tcell{note: t.note(b, c, mech, nil, nas)}
	}
	out := c.tcell(cl)
	if diff := oddity(cl.keys); diff != "" {
		usual := maps.Clone(cl.keys)
		for k, v := range usualValue {
			if _, ok := usual[k]; ok {
				usual[k] = v
			}
		}
		if why := reason(b, c, mech, usual, nas); why != "" {
			diff += " (" + why + ")"
		}
		out.odd = diff
	}
	return out
}

// exact is the cell of mech in one variant.
func (b *block) exact(t *table, c *column, mech string, v variant, nas []exclusion) tcell {
	for _, cl := range c.order {
		if cl.block == b.name && cl.mech == mech && cl.variant == v.spelling && (v.procs == 0 || cl.procs == v.procs) {
			return c.tcell(cl)
		}
	}
	return tcell{note: t.note(b, c, mech, v.keys, nas)}
}

// note numbers the reason why mech has no cell in c, 0 if there is none.
func (t *table) note(b *block, c *column, mech string, keys map[string]string, nas []exclusion) int {
	why := reason(b, c, mech, keys, nas)
	if why == "" {
		return 0
	}
	i := slices.Index(t.notes, why)
	if i < 0 {
		i = len(t.notes)
		t.notes = append(t.notes, why)
	}
	return i + 1
}
