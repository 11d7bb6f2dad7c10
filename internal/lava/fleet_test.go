package lava

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"unotify-bench/internal/figure"
	"unotify-bench/internal/golden"
	"unotify-bench/results/lengths"
)

// A lab with four devices runs the catalogue, a thousand times over. How much later
// than it could does the last device end?
const (
	devices = 4
	fleets  = 1000
	bar     = 1.15 // of the ideal
)

// fleet says what devices are like. None of these figures was measured in a lab:
// each is as bad as what was measured elsewhere, or worse.
type fleet struct {
	name   string
	figure string // what its devices are like, "" for no picture
	// speeds is the standard deviation of the logarithm of devices' speeds.
	speeds float64
	// noise is that of a check's length, beside what was measured. Lengths are
	// products of many things (the path through the kernel, caches, what else the
	// machine does), so logarithms are what is normal.
	noise float64
	// job is what a lab adds to every job, in seconds, beside the machine's boot.
	job float64
}

// The noise in most labs is 0.3, as checks themselves differ by 0.30: what was
// measured of one is then worth little more than what is known of any.
//
// In a mixed lab two of three devices are between 3/4 and 4/3 of the usual speed.
var labs = []fleet{
	// Lengths of two architectures differ by 0.05, all on the instruction clock.
	{name: "as measured", noise: 0.05},
	{name: "equal", figure: " of equal speed", noise: 0.3},
	{name: "mixed", figure: " of unequal speed", speeds: 0.3, noise: 0.3},
	// The logarithm of how long a check took on a host, whose two CPUs had nine
	// to run, over how long it took by the instruction clock varied by 0.65.
	{name: "busy", noise: 0.65},
	// A job in a LAVA of ours, whose devices did nothing else, took 6 s, of which
	// the guest's checks were next to nothing.
	{name: "slow to begin", noise: 0.3, job: 6},
	{name: "mixed, slow to begin", speeds: 0.3, noise: 0.3, job: 6},
}

// A way to spread checks over devices.
type way struct {
	name   string
	shards int // in all
	deal   func(lengths []float64, n int) [][]int
	tone   figure.Tone
}

var ways = []way{
	{"every 4th", devices, everyNth, figure.Neutral},
	{"4 shards", devices, Balance, figure.Good},
	{"8 shards", 2 * devices, Balance, figure.Other},
	{"16 shards", 4 * devices, Balance, figure.Other},
	{"32 shards", 8 * devices, Balance, figure.Other},
}

// everyNth is how rows were dealt out, whatever their lengths.
func everyNth(lengths []float64, n int) [][]int {
	shards := make([][]int, n)
	for i := range lengths {
		shards[i%n] = append(shards[i%n], i)
	}
	return shards
}

// makespan is when the last device ends, where whoever is free takes the next
// shard, as LAVA's scheduler hands out the jobs of a device type.
func makespan(shards [][]int, took, speeds []float64, boot, job float64) float64 {
	free := make([]float64, len(speeds)) // from when on each device is
	for _, s := range shards {
		next := 0
		for d := range free {
			if free[d] < free[next] {
				next = d
			}
		}
		work := boot
		for _, i := range s {
			work += took[i]
		}
		free[next] += job + work/speeds[next]
	}
	return slices.Max(free)
}

// simulate is, for each of ways, the makespan of every fleet over its ideal, sorted:
// all of the work done by all of the devices, in a job and a boot each.
func (l fleet) simulate(table *lengths.Table) [][]float64 {
	expected := make([]float64, len(table.IDs))
	for i, id := range table.IDs {
		expected[i] = table.Mean(id)
	}
	deals := make([][][]int, len(ways))
	for w, way := range ways {
		deals[w] = way.deal(expected, way.shards)
	}
	rng := rand.New(rand.NewPCG(4, 15)) // the same fleets for every way, and every lab
	ratios := make([][]float64, len(ways))
	for fleet := range fleets {
		arch := fleet % len(table.Arches)
		boot := table.Boot[arch].Seconds()
		speeds, speed := make([]float64, devices), 0.0
		for d := range speeds {
			speeds[d] = math.Exp(l.speeds * rng.NormFloat64())
			speed += speeds[d]
		}
		took, work := make([]float64, len(expected)), devices*boot
		for i, id := range table.IDs {
			took[i] = table.Checks[id][arch].Seconds() * math.Exp(l.noise*rng.NormFloat64())
			work += took[i]
		}
		for w := range ways {
			span := makespan(deals[w], took, speeds, boot, l.job)
			ratios[w] = append(ratios[w], span/(l.job+work/speed))
		}
	}
	for _, r := range ratios {
		slices.Sort(r)
	}
	return ratios
}

// quantile is of sorted values.
func quantile(sorted []float64, q float64) float64 {
	return sorted[int(math.Round(q*float64(len(sorted)-1)))]
}

// TestFleets draws how the ways compare, and holds what follows from it: as many
// shards as devices, dealt out by their lengths.
func TestFleets(t *testing.T) {
	table, err := lengths.Read()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "makespan / ideal of %d labs with %d devices\n", fleets, devices)
	all := map[string]map[string][]float64{}
	for _, l := range labs {
		fmt.Fprintf(&text, "\n%-20s %10s %7s %7s\n", l.name, "median", "99 %", "most")
		all[l.name] = map[string][]float64{}
		for w, r := range l.simulate(table) {
			all[l.name][ways[w].name] = r
			fmt.Fprintf(&text, "  %-18s %10.3f %7.3f %7.3f\n", ways[w].name, quantile(r, 0.5), quantile(r, 0.99), quantile(r, 1))
		}
		if l.figure != "" {
			golden.Check(t, "../../../results/lengths/schedule-"+l.name+".svg", string(figure.SVG(l.picture(len(table.IDs), all[l.name]))))
		}
	}
	golden.Check(t, "fleets.txt", text.String())

	// below wants a way to be the shorter one for most fleets and for the worst.
	below := func(lab, short, long string, qs ...float64) {
		t.Helper()
		for _, q := range qs {
			if a, b := quantile(all[lab][short], q), quantile(all[lab][long], q); a >= b {
				t.Errorf("%s, quantile %v: %s take %.3f of the ideal, %s %.3f", lab, q, short, a, long, b)
			}
		}
	}
	for _, l := range []string{"as measured", "equal", "slow to begin"} {
		if most := quantile(all[l]["4 shards"], 1); most > bar {
			t.Errorf("%s: four shards on four devices take %.3f of the ideal, want %v at most", l, most, bar)
		}
	}
	for _, l := range []string{"as measured", "equal", "busy", "slow to begin"} {
		below(l, "4 shards", "every 4th", 0.5, 0.99, 1)
	}
	for _, more := range []string{"8 shards", "16 shards", "32 shards"} {
		below("equal", "4 shards", more, 0.5, 0.99, 1)
		below("slow to begin", "4 shards", more, 0.5, 0.99, 1)
		below("mixed, slow to begin", "4 shards", more, 0.5, 0.99, 1)
		// Who is slow then takes fewer: the one thing that more shards are good for.
		below("mixed", more, "4 shards", 0.5, 0.99, 1)
	}
	below("mixed", "16 shards", "8 shards", 0.5, 0.99, 1)
}

// picture has a line for each way, over the fleets from the best to the worst.
func (l fleet) picture(checks int, ratios map[string][]float64) figure.Picture {
	above := func(ratio float64) float64 { return 100 * (ratio - 1) }
	p := &figure.Lines{
		Head: figure.Head{
			Name: "schedule-" + l.name, Title: fmt.Sprintf("%d checks on %d devices%s", checks, devices, l.figure),
			Note: fmt.Sprintf("how much later than it could the last one ends, in %d labs", fleets),
		},
		X: figure.Axis{Label: "percentile of labs"},
		Y: figure.Axis{Label: "% above ideal"},
	}
	qs := []float64{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99, 100}
	for i, w := range ways {
		line := figure.Line{Label: w.name, Tone: w.tone, Shape: figure.ShapeOf(i)}
		for _, q := range qs {
			line.Points = append(line.Points, figure.Point{X: q, Y: above(quantile(ratios[w.name], q/100))})
		}
		line.Title = fmt.Sprintf("%s: median %.1f %%, most %.1f %%", w.name, line.Points[5].Y, line.Points[len(qs)-1].Y)
		p.Lines = append(p.Lines, line)
	}
	p.Lines = append(p.Lines, figure.Line{
		Label: fmt.Sprintf("bar, %.0f %%", above(bar)), Tone: figure.Warn, Shape: figure.Tick,
		Points: []figure.Point{{X: 0, Y: above(bar)}, {X: 100, Y: above(bar)}},
	})
	return p
}
