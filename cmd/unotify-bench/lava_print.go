package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
	"unotify-bench/internal/report"
)

// What a device prints for a LAVA lab, as it comes: `abi --format lava` and
// `run --format lava`. Fetch reads it again.

const lavaFormat = "lava"

// lavaVerdicts prints a case for each check, as soon as it has its verdict.
type lavaVerdicts struct {
	*lava.Printer
	taint uint64 // of the kernel, before
}

// lavaResult is LAVA's word for a verdict. It has none for divergent, nor for what
// could not tell: both are unknown, and the text says which.
func lavaResult(v suite.Verdict) string {
	switch v {
	case suite.Pass:
		return lava.Pass
	case suite.Fail:
		return lava.Fail
	case suite.Skip:
		return lava.Skip
	}
	return lava.Unknown
}

// begin also has a case of its own: which kernel runs, so that a lab that booted
// another one is found out.
func (v *lavaVerdicts) begin() (err error) {
	if v.taint, err = kernelTaint(); err != nil {
		return err
	}
	if err := v.Begin(lava.Checks); err != nil {
		return err
	}
	return v.Case(kernelCase(unameRelease()), lava.Pass, "")
}

func (v *lavaVerdicts) row(c *suite.Check, verdict suite.Verdict, text string) error {
	result := lavaResult(verdict)
	if result != lava.Pass {
		text = strings.TrimSpace(string(verdict) + " " + text)
	} else if c.Level != suite.Info {
		text = ""
	}
	return v.Case(c.ID, result, text)
}

// end adds a last case: whether the kernel complained meanwhile.
func (v *lavaVerdicts) end() error {
	taint, err := kernelTaint()
	if err != nil {
		return err
	}
	result, text := lava.Pass, ""
	if gained := taint &^ v.taint & splatTaint; gained != 0 {
		result, text = lava.Fail, fmt.Sprintf("fail: the kernel complained, its log says of what (taint %#x gained)", gained)
	}
	if err := v.Case(splatCase, result, text); err != nil {
		return err
	}
	return v.End(lava.Checks)
}

const splatCase = "kernel.no-splat"

func kernelCase(release string) string { return "kernel.release." + release }

// splatTaint are the flags of a kernel that had a bug: bad page, oops, warning, soft
// lockup (Documentation/admin-guide/tainted-kernels.rst).
const splatTaint = 1<<5 | 1<<7 | 1<<9 | 1<<14

// kernelTaint is 0 where nobody can tell.
func kernelTaint() (uint64, error) {
	text, err := os.ReadFile("/proc/sys/kernel/tainted")
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// lavaFigures prints the figures of each row, a case a figure. It is a report.Writer.
type lavaFigures struct {
	*lava.Printer
	runs map[string]int // of each row, so far
}

func newLavaFigures(p *lava.Printer) *lavaFigures { return &lavaFigures{p, map[string]int{}} }

// begin has the kernel's case, too.
func (f *lavaFigures) begin() error {
	if err := f.Begin(lava.Figures); err != nil {
		return err
	}
	return f.Figure(kernelCase(unameRelease()), lava.Pass, 0, unitKernel)
}

// Units of what a result has beside its values, and of rows without any.
const (
	unitCalls   = "calls"
	unitCPUs    = "CPUs"
	unitFigures = "figures" // how many, so that one that is lost is missed
	unitKernel  = "kernel"
	unitNA      = "n/a"
	unitFailed  = "failed"
)

// figureID is what a figure of the n-th run of a row is called.
func figureID(row, unit string, run int) string { return fmt.Sprintf("%s.%s.run%d", row, unit, run) }

func (f *lavaFigures) Write(r *benchfmt.Result) error {
	name, cpus := cutCPUs(r.Name)
	f.runs[name]++
	figures := append([]benchfmt.Value{
		{Value: float64(r.Iters), Unit: unitCalls}, {Value: float64(cpus), Unit: unitCPUs}, {Value: float64(len(r.Values)), Unit: unitFigures},
	}, r.Values...)
	for _, v := range figures {
		if err := f.Figure(figureID(name, v.Unit, f.runs[name]), lava.Pass, v.Value, v.Unit); err != nil {
			return err
		}
	}
	return nil
}

func (f *lavaFigures) WriteNA(na report.NA) error {
	f.runs[na.Name]++
	result, unit := lava.Skip, unitNA
	if why, failed := strings.CutPrefix(na.Why, failedNA); failed {
		result, unit, na.Why = lava.Fail, unitFailed, why
	}
	id := figureID(na.Name, unit, f.runs[na.Name])
	if err := f.About(id, na.Why); err != nil {
		return err
	}
	return f.Figure(id, result, 0, unit)
}

// cutCPUs cuts the number of CPUs off a benchmark's name, the last of its parts.
func cutCPUs(n benchfmt.Name) (row string, cpus int) {
	_, parts := n.Parts()
	if len(parts) == 0 {
		return string(n), 1
	}
	last := string(parts[len(parts)-1])
	cpus, err := strconv.Atoi(strings.TrimPrefix(last, "-"))
	if !strings.HasPrefix(last, "-") || err != nil {
		return string(n), 1
	}
	return strings.TrimSuffix(string(n), last), cpus
}
