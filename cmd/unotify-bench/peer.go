package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"text/tabwriter"

	"unotify-bench/bench"
	"unotify-bench/internal/notify"
	"unotify-bench/internal/tempdir"
	"unotify-bench/kernel"
)

// peerMode is one thing that several harnesses measure in the same way.
type peerMode struct {
	cell bench.Cell
	bar  float64 // the highest ratio of our median to a peer's
	perf bool    // perf can measure it: it knows reply alone
}

// peerModes lists what is compared. reply with the sync wake-up on one CPU is
// all harness and kernel, one after the other: there we may add nothing. On
// two CPUs, and with a wake-up that lets the scheduler choose, half of the
// figure is idle CPUs waking up.
func peerModes(cpus int) []peerMode {
	var modes []peerMode
	for _, mech := range []string{"reply", "continue"} {
		for _, place := range []string{"same", "cross"} {
			if place == "cross" && cpus < 2 {
				continue
			}
			for _, wake := range []string{"sync", "async"} {
				m := peerMode{
					cell: bench.Cell{Mech: mech, Syscall: "getppid", Wake: wake, CPUs: place},
					bar:  1.03,
					perf: mech == "reply",
				}
				if mech == "reply" && place == "same" && wake == "sync" {
					m.bar = 1
				}
				modes = append(modes, m)
			}
		}
	}
	return modes
}

// peerCalls is how many calls one measurement is the mean of: a tenth of a
// second of them or so.
const peerCalls = 20000

// calls is how many of n this mode makes: waking an idle CPU takes several
// times as long as all the rest.
func (m peerMode) calls(n int) int {
	if m.cell.CPUs == "cross" {
		return n / 4
	}
	return n
}

// cost is what a call costs, a mean in nanoseconds.
type cost struct {
	wall float64
	cpu  float64 // that both sides spent
}

// judged is the figure that the bar is about. On one CPU the two sides take
// turns, so that what they spend is what the call takes if nobody else runs;
// unlike the clock, it tells that on a machine where somebody does.
func (c cost) judged(m peerMode) float64 {
	if m.cell.CPUs == "same" {
		return c.cpu
	}
	return c.wall
}

// A contender measures a mode once.
type contender struct {
	name string
	can  func(peerMode) bool
	run  func(ctx context.Context, m peerMode, calls int) (cost, error)
}

// peerResult is what the rounds gave for one mode and one peer.
type peerResult struct {
	mode        peerMode
	peer        string
	theirs, own []cost // by round
}

// medians are those of the judged figure.
func (r *peerResult) medians() (theirs, own float64) {
	judged := func(c cost) float64 { return c.judged(r.mode) }
	return median(r.theirs, judged), median(r.own, judged)
}

// ratio is our median over the peer's.
func (r *peerResult) ratio() float64 {
	theirs, own := r.medians()
	return own / theirs
}

// wallRatio is the same by the clock.
func (r *peerResult) wallRatio() float64 {
	wall := func(c cost) float64 { return c.wall }
	return median(r.own, wall) / median(r.theirs, wall)
}

func (r *peerResult) holds() bool { return r.ratio() <= r.mode.bar }

func median(costs []cost, figure func(cost) float64) float64 {
	var v []float64
	for _, c := range costs {
		v = append(v, figure(c))
	}
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// peer measures what this program measures with two others as well, in turn,
// and says whether this one adds anything.
func (a *app) peer(ctx context.Context, source string, count, calls int) error {
	bar := a.newProgress()
	defer bar.End()
	b := &kernel.Builder{Source: source, Progress: bar}
	if a.verbose {
		b.Verbose = a.stderr
	}
	perf, err := b.Perf(ctx)
	if err != nil {
		return err
	}
	dir, err := tempdir.New("")
	if err != nil {
		return fmt.Errorf("make a directory for the C twin: %w", err)
	}
	defer func() { _ = dir.Remove() }()
	twin := filepath.Join(dir.Path, "twin")
	if err := compileTwin(ctx, twin); err != nil {
		return err
	}
	cpus, err := notify.AllowedCPUs()
	if err != nil {
		return err
	}
	if load, err := loadAverage(); err == nil && load > float64(len(cpus))/2 {
		bar.Log(fmt.Sprintf("the machine does other work (load %.1f on %d CPUs): the ratios will tell little", load, len(cpus)))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if c := buildCheck(info); c.health != fine {
			bar.Log("this program is " + c.detail)
		}
	}
	results, err := a.compete(ctx, bar, contenders(perf, twin, cpus), peerModes(len(cpus)), count, calls)
	if err != nil {
		return err
	}
	bar.End()
	return a.showPeers(results, count)
}

// loadAverage is that of the last minute.
func loadAverage() (load float64, err error) {
	b, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(b), &load)
	}
	return load, err
}

// compete lets the contenders, the last of which is this program, measure
// every mode in turn, count times.
func (a *app) compete(ctx context.Context, bar *progress, cs []contender, modes []peerMode, count, calls int) ([]*peerResult, error) {
	var results []*peerResult
	own := len(cs) - 1
	bar.Step("measure in turn")
	done, total := int64(0), int64(count*len(modes))
	for round := range count {
		at := 0
		for _, m := range modes {
			costs := make([]cost, len(cs))
			for i, c := range cs {
				if !c.can(m) {
					continue
				}
				var err error
				if costs[i], err = c.run(ctx, m, m.calls(calls)); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", c.name, m.cell.Name(), err)
				}
				if !costs[i].possible() {
					return nil, fmt.Errorf("%s, %s: it measured %+v, which cannot be", c.name, m.cell.Name(), costs[i])
				}
			}
			for i, c := range cs[:own] {
				if !c.can(m) {
					continue
				}
				if round == 0 {
					results = append(results, &peerResult{mode: m, peer: c.name})
				}
				r := results[at]
				at++
				r.theirs, r.own = append(r.theirs, costs[i]), append(r.own, costs[own])
				if a.verbose {
					bar.Log(fmt.Sprintf("round %d %s: %s %.0f (cpu %.0f), ours %.0f (cpu %.0f)", round+1, m.cell.Name(),
						c.name, costs[i].wall, costs[i].cpu, costs[own].wall, costs[own].cpu))
				}
			}
			done++
			bar.Done(done, total)
		}
	}
	return results, nil
}

// possible tells figures from nonsense.
func (c cost) possible() bool {
	return c.wall > 0 && c.cpu > 0 && !math.IsInf(c.wall, 0) && !math.IsInf(c.cpu, 0)
}

func (a *app) showPeers(results []*peerResult, count int) error {
	fmt.Fprintf(a.stdout, "Nanoseconds of a call, medians of %d rounds in turn. A ratio above 1 means that ours takes longer.\n"+
		"Judged is the CPU time of both sides where they share a CPU, else the time.\n\n", count)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mechanism\twake\tcpus\tpeer\ttheirs\tours\tratio\tat most\tby the clock\t")
	above := 0
	for _, r := range results {
		verdict := ""
		if !r.holds() {
			above++
			verdict = "ABOVE"
		}
		theirs, own := r.medians()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f\t%.0f\t%.3f\t%.2f\t%.3f\t%s\n", r.mode.cell.Mech, r.mode.cell.Wake, r.mode.cell.CPUs,
			r.peer, theirs, own, r.ratio(), r.mode.bar, r.wallRatio(), verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if above > 0 {
		return failure("%d of %d ratios are above the bar; on a machine that does other work, try again", above, len(results))
	}
	return nil
}
