package report

import (
	"fmt"
	"slices"
	"strings"

	"unotify-bench/internal/figure"
)

// A clock is what figures of one table have in common. Instructions and time
// never meet, nor do a real CPU's time and an emulator's.
type clock int

const (
	instructions clock = iota
	realTime
	emulatedTime
)

func clockOf(l Lane) clock {
	switch {
	case l.Clock == "insns":
		return instructions
	case l.Emulated():
		return emulatedTime
	}
	return realTime
}

func (c clock) id() string { return [...]string{"insns", "time", "emulated"}[c] }

func (c clock) title() string {
	return [...]string{"instructions", "time", "emulated time"}[c]
}

// unit is what stands on an axis.
func (c clock) unit() string {
	return [...]string{"guest instructions", "ns", "ns of an emulated CPU"}[c]
}

// headline is the unit in the files.
func (c clock) headline() string {
	if c == instructions {
		return "insns/op"
	}
	return "ns/op"
}

// A group is all that was measured with one clock.
type group struct {
	clock
	grid   Set
	sweeps map[string]*Set // by the key that is swept

	programs Set    // rows that are no calls
	shared   *table // of grid
}

func (g *group) sweepSet(key string) *Set {
	if g.sweeps[key] == nil {
		g.sweeps[key] = &Set{}
	}
	return g.sweeps[key]
}

func (g *group) table() *table {
	if g.shared == nil {
		g.shared = g.grid.table(false)
	}
	return g.shared
}

// facts is a line a place: what it is.
func (g *group) facts() []string {
	t := g.table()
	var lines []string
	for i, c := range t.columns {
		lines = append(lines, t.labels[i]+": "+strings.Join(c.facts(), ", "))
	}
	return lines
}

// command measures the group's places, or one of them, again.
func (g *group) command(columns []*column, more string) string {
	var on []string
	var kernels []string
	for _, c := range columns {
		if !slices.Contains(on, clean(c.Where())) {
			on = append(on, clean(c.Where()))
		}
		if k := kernelFlag(c.Lane); !slices.Contains(kernels, k) {
			kernels = append(kernels, k)
		}
	}
	line := "unotify-bench run --on " + strings.Join(on, ",")
	if len(kernels) == 1 {
		line += kernels[0]
	} else if len(kernels) > 1 {
		line += " --kernel …"
	}
	if g.clock != instructions && !slices.Equal(on, []string{"host"}) {
		line += " --clock wall"
	}
	return line + more
}

// kernelFlag is what run needs to boot the lane's kernel.
func kernelFlag(l Lane) string {
	_, variant, ours := strings.Cut(l.Kernel, "+unotify-")
	switch {
	case l.Accel == "native", ours && variant == "patched":
		return ""
	case ours:
		return " --kernel " + clean(variant)
	}
	return " --kernel IMAGE"
}

// blockFlags select a block's rows in run.
func (b *block) flags() string {
	flags := ""
	if s := b.keys["syscall"]; s != "" {
		flags = " --syscall " + clean(s)
	}
	for _, k := range sortedKeys(b.keys) {
		if k == "addr" {
			flags += fmt.Sprintf(" --run '%s=%s'", k, clean(b.keys[k]))
		}
	}
	return flags
}

// placeKeys explain the marks of a group's columns.
func placeKeys(labels []string) []figure.Key {
	var keys []figure.Key
	for i, l := range labels {
		keys = append(keys, figure.Key{Label: l, Shape: figure.ShapeOf(i), Tone: figure.Neutral})
	}
	return keys
}

func (s Safety) tone() figure.Tone {
	return map[Safety]figure.Tone{NoDecision: figure.Neutral, Racy: figure.Warn, RaceFree: figure.Good, Unknown: figure.Other}[s]
}

// slug makes a name for links and files of a title.
func slug(parts ...string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return ' '
	}, strings.Join(parts, " "))
	s = strings.Join(strings.Fields(s), "-")
	return s[:min(len(s), 80)]
}
