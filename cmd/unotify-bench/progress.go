package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how far long work is: a bar with the step and an estimate on
// a terminal, plain lines elsewhere, nothing with --quiet. It serves as
// kernel.Progress, and is safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	quiet bool
	bars  *mpb.Progress // nil where w is no terminal
	bar   *mpb.Bar

	step    string
	rate    bool
	started time.Time
	spoken  time.Time // of the last plain line
}

func (a *app) newProgress() *progress {
	p := &progress{w: a.stderr, quiet: a.quiet}
	if !a.quiet && terminal(a.stderr) > 0 {
		p.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithAutoRefresh(), mpb.WithWidth(24))
	}
	return p
}

// Step begins a stage.
func (p *progress) Step(name string) { p.begin(name, false) }

// Count begins a stage whose units are so many that their rate is shown.
func (p *progress) Count(name string) { p.begin(name, true) }

func (p *progress) begin(name string, rate bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endBar()
	name = plain(name)
	p.step, p.rate, p.started, p.spoken = name, rate, time.Now(), time.Now()
	switch {
	case p.quiet:
	case p.bars == nil:
		fmt.Fprintf(p.w, "%s …\n", name)
	default:
		speed := decor.Name("")
		if rate {
			speed = decor.AverageSpeed(0, " %.0f/s")
		}
		p.bar = p.bars.New(0, mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░"),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(name+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d"), speed, decor.Elapsed(decor.ET_STYLE_MMSS, decor.WCSyncSpace),
				decor.OnComplete(decor.AverageETA(decor.ET_STYLE_MMSS, decor.WCSyncSpace), "")))
	}
}

// Done says that done of total units of the stage are behind; total 0 means
// that nobody knows.
func (p *progress) Done(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.SetTotal(total, false)
		p.bar.SetCurrent(done)
		return
	}
	// A log is not a film: one line every ten seconds.
	if p.quiet || total == 0 || time.Since(p.spoken) < 10*time.Second {
		return
	}
	p.spoken = time.Now()
	left := ""
	if done > 0 {
		rest := time.Duration(float64(time.Since(p.started)) / float64(done) * float64(total-done))
		left = fmt.Sprintf(", about %v left", rest.Round(time.Second))
	}
	if p.rate {
		left = fmt.Sprintf(", %.0f/s%s", float64(done)/time.Since(p.started).Seconds(), left)
	}
	fmt.Fprintf(p.w, "%s: %d of %d%s\n", p.step, done, total, left)
}

// Log prints a line beside the bar.
func (p *progress) Log(line string) {
	line = plain(line)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.quiet:
	case p.bars != nil:
		fmt.Fprintln(p.bars, line)
	default:
		fmt.Fprintln(p.w, line)
	}
}

// Clear takes the bar away until the next Step.
func (p *progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endBar()
}

// End takes the bar away for good.
func (p *progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endBar()
	if p.bars != nil {
		p.bars.Wait()
		p.bars = nil
	}
}

func (p *progress) endBar() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar.Wait()
		p.bar = nil
	}
}
