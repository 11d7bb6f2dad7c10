package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// usualValue is the headline combination, where a row has such keys: a
// supervisor that is woken on the caller's CPU while the caller goes to sleep.
var usualValue = map[string]string{"wake": "sync", "cpus": "same"}

// oddity spells what of keys is not the headline combination.
func oddity(keys map[string]string) string {
	var parts []string
	for _, k := range variantKeys {
		if v, ok := keys[k]; ok && v != usualValue[k] {
			parts = append(parts, k+"="+v)
		}
	}
	return strings.Join(parts, " ")
}

// variantOrder puts the headline combination first and then what is nearest.
func variantOrder(a, b map[string]string) int {
	rank := func(keys map[string]string, key string, order ...string) int {
		v, ok := keys[key]
		if !ok {
			return -1
		}
		if i := slices.Index(order, v); i >= 0 {
			return i
		}
		return len(order)
	}
	counts := 0
	for _, k := range countKeys {
		counts = cmp.Or(counts, cmp.Compare(count(a, k), count(b, k)))
	}
	return cmp.Or(
		counts,
		cmp.Compare(rank(a, "wake", "sync", "async"), rank(b, "wake", "sync", "async")),
		cmp.Compare(rank(a, "cpus", "same", "cross", "free"), rank(b, "cpus", "same", "cross", "free")),
		cmp.Compare(variantOf(a), variantOf(b)),
	)
}

// countKeys are the variant keys whose values are numbers: the steps of sweeps.
var countKeys = []string{"peers", "filters", "targets", "supervisors"}

// count is the number that key stands for, -1 where it does not stand.
func count(keys map[string]string, key string) int {
	v, ok := keys[key]
	if !ok {
		return -1
	}
	n, _ := strconv.Atoi(v)
	return n
}

// A variant is one arrangement of a mechanism.
type variant struct {
	keys     map[string]string
	spelling string
	procs    int // 0 if columns have one number of CPUs each
	label    string
}

// variantsOf are the variants of mech in a block over all columns, the
// headline first.
func variantsOf(columns []*column, block, mech string) []variant {
	// The number of CPUs is part of a row only where a column has several:
	// otherwise it is a fact of the column, and rows of different columns
	// belong together.
	var variants []variant
	several := false
	for _, c := range columns {
		procs := make(map[string]int)
		for _, cl := range c.order {
			if cl.block != block || cl.mech != mech {
				continue
			}
			if p, ok := procs[cl.variant]; ok && p != cl.procs {
				several = true
			}
			procs[cl.variant] = cl.procs
			variants = append(variants, variant{keys: cl.keys, spelling: cl.variant, procs: cl.procs})
		}
	}
	for i := range variants {
		v := &variants[i]
		v.label = shortVariant(v.keys)
		if several {
			v.label = strings.TrimSpace(v.label + " -" + strconv.Itoa(v.procs))
		} else {
			v.procs = 0
		}
	}
	slices.SortStableFunc(variants, func(a, b variant) int {
		return cmp.Or(variantOrder(a.keys, b.keys), cmp.Compare(a.procs, b.procs))
	})
	return slices.CompactFunc(variants, func(a, b variant) bool { return a.spelling == b.spelling && a.procs == b.procs })
}

// shortVariant names wake and cpus by their values alone, and leaves those of
// the headline combination to be understood in the step of a sweep.
func shortVariant(keys map[string]string) string {
	step := slices.ContainsFunc(countKeys, func(k string) bool { return keys[k] != "" })
	var parts []string
	for _, k := range variantKeys {
		v, ok := keys[k]
		switch {
		case !ok:
		case usualValue[k] == "":
			parts = append(parts, k+"="+v)
		case !step || v != usualValue[k]:
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

// sort puts the column's cells in an order that does not depend on the map.
func (c *column) sort() {
	c.order = slices.SortedFunc(maps.Values(c.cells), func(a, b *cell) int {
		return cmp.Or(
			cmp.Compare(a.block, b.block),
			cmp.Compare(mechRank(a.mech), mechRank(b.mech)),
			cmp.Compare(a.mech, b.mech),
			variantOrder(a.keys, b.keys),
			cmp.Compare(a.procs, b.procs),
		)
	})
}

// headline is the column's cell of mech nearest to the headline combination,
// nil if there is none.
func (c *column) headline(block, mech string) *cell {
	for _, cl := range c.order {
		if cl.block == block && cl.mech == mech {
			return cl
		}
	}
	return nil
}

// tcell compares cl with its neighbours in the column.
func (c *column) tcell(cl *cell) tcell {
	unit := c.Lane.headline()
	out := tcell{stat: summarize(cl, unit)}
	if native := c.headline(cl.block, "native"); !out.hasOver && native != nil {
		out.hasOver, out.overhead = true, out.center-summarize(native, unit).center
	}
	if cl.mech == "native" {
		out.hasOver = false
	}
	cont := c.headline(cl.block, "continue")
	for _, other := range c.order {
		if other.block == cl.block && other.mech == "continue" && other.variant == cl.variant && other.procs == cl.procs {
			cont = other
		}
	}
	if cont != nil {
		if center := summarize(cont, unit).center; center > 0 {
			out.ratio = out.center / center
		}
	}
	return out
}
