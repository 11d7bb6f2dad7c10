package profile

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// cost is what a function itself takes, by task.
type cost struct {
	name string
	user bool
	call map[string]uint64 // in the call in the middle
	sum  uint64
	all  uint64 // in all calls
}

// functions are the costs of all functions, dearest first.
func (p *Profile) functions() []*cost {
	type key struct {
		name string
		user bool
	}
	byName := map[key]*cost{}
	var costs []*cost
	for _, s := range p.Stacks {
		k := key{s.Frames[len(s.Frames)-1], s.User}
		c := byName[k]
		if c == nil {
			c = &cost{name: k.name, user: k.user, call: map[string]uint64{}}
			byName[k] = c
			costs = append(costs, c)
		}
		c.call[s.Task] += s.Call
		c.sum += s.Call
		c.all += s.All
	}
	slices.SortFunc(costs, func(a, b *cost) int {
		return cmp.Or(cmp.Compare(b.sum, a.sum), cmp.Compare(b.all, a.all), cmp.Compare(a.name, b.name))
	})
	return costs
}

// title is the name, with where it runs if that is not the kernel.
func (c *cost) title() string {
	if c.user {
		return c.name + " (user)"
	}
	return c.name
}

// Table writes what each function takes of the call in the middle. Those below
// one per cent are one line, unless all are asked for.
func (p *Profile) Table(w io.Writer, all bool) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s %s\none call: %d instructions, the call in the middle of %d; mean %.1f\n",
		p.Arch, p.Name, p.Median, p.Calls, p.mean())
	if p.Residue != 0 {
		fmt.Fprintf(out, "the trace has %+d of the %d instructions of all calls that the clock has not\n", p.Residue, p.All)
	}
	fmt.Fprintln(out)
	tasks := p.tasks()
	width := func(task string) int { return max(len(task), 6) }
	fmt.Fprintf(out, "%6s %5s", "insns", "%")
	for _, t := range tasks {
		fmt.Fprintf(out, " %*s", width(t), t)
	}
	fmt.Fprintf(out, "  function\n")
	line := func(sum uint64, call map[string]uint64, name string) {
		fmt.Fprintf(out, "%6d %5.1f", sum, 100*float64(sum)/float64(max(p.Median, 1)))
		for _, t := range tasks {
			n := fmt.Sprint(call[t])
			if call[t] == 0 {
				n = "."
			}
			fmt.Fprintf(out, " %*s", width(t), n)
		}
		fmt.Fprintf(out, "  %s\n", name)
	}
	rest := cost{call: map[string]uint64{}}
	total := cost{call: map[string]uint64{}}
	few := 0
	user := uint64(0)
	for _, c := range p.functions() {
		total.sum += c.sum
		for t, n := range c.call {
			total.call[t] += n
		}
		if c.user {
			user += c.sum
		}
		switch {
		case c.sum == 0:
		case all || 100*c.sum >= p.Median:
			line(c.sum, c.call, c.title())
		default:
			few++
			rest.sum += c.sum
			for t, n := range c.call {
				rest.call[t] += n
			}
		}
	}
	if few > 0 {
		line(rest.sum, rest.call, fmt.Sprintf("(%d functions below 1 %%)", few))
	}
	line(total.sum, total.call, fmt.Sprintf("all, of them %d in user mode", user))
	return out.Flush()
}

func (p *Profile) mean() float64 { return float64(p.All) / float64(max(p.Calls, 1)) }

// tasks are those that take part.
func (p *Profile) tasks() []string {
	return slices.DeleteFunc(slices.Clone(Tasks), func(task string) bool {
		return !slices.ContainsFunc(p.Stacks, func(s Stack) bool { return s.Task == task && s.Call > 0 })
	})
}

// Title is a row's name without what all rows have.
func (a About) Title() string { return a.Arch + " " + strings.TrimPrefix(a.Name, "Notify/") }
