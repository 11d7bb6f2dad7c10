package main

import (
	"fmt"
	"math"
	"strings"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/bench"
)

// laneKeys are the file keys of one lane, in the order they are written.
type laneKeys [][2]string

func (k laneKeys) config() []benchfmt.Config {
	var cs []benchfmt.Config
	for _, kv := range k {
		if kv[1] != "" {
			cs = append(cs, benchfmt.Config{Key: kv[0], Value: []byte(kv[1]), File: true})
		}
	}
	return cs
}

// result turns a row into a benchmark line. The headline unit is the median;
// the others carry their name before it.
func result(r bench.Row, keys laneKeys, cpus int) *benchfmt.Result {
	u := r.Unit + "/op"
	res := &benchfmt.Result{
		Config: keys.config(),
		Name:   benchfmt.Name(fmt.Sprintf("%s-%d", r.Cell.Name(), cpus)),
		Iters:  r.Calls,
	}
	add := func(v float64, unit string) {
		res.Values = append(res.Values, benchfmt.Value{Value: round(v), Unit: unit})
	}
	add(r.Total.Median, u)
	add(r.Total.Mean, "mean-"+u)
	add(r.Total.P10, "p10-"+u)
	add(r.Total.P90, "p90-"+u)
	add(r.Total.P99, "p99-"+u)
	add(r.Total.P999, "p99.9-"+u)
	add(r.Total.Max, "max-"+u)
	add(r.Native.Median, "native-"+u)
	if r.Notifications > 0 {
		add(r.Supervisor.Median, "supervisor-"+u)
		add(r.SupervisorCPU*1e9/float64(r.Notifications), "supervisor-cpu-ns/op")
	}
	add(r.TargetCPU*1e9/float64(max(1, r.Calls+r.Warmup)), "target-cpu-ns/op")
	add(r.Switches, "csw/op")
	if r.Stopped > 0 {
		add(float64(r.Stopped), "stopped-threads/op")
	}
	if r.Batch > 1 {
		add(float64(r.Batch), "batch")
	}
	if r.Cell.Targets > 0 && r.Unit == bench.UnitNanoseconds && r.Total.Median > 0 {
		add(1e9/r.Total.Median, "calls/s")
	}
	if m := r.Modes; m != nil {
		add(m.Low, "mode1-"+u)
		add(m.High, "mode2-"+u)
		add(m.Share, "mode2-share")
	}
	return res
}

// round keeps six significant digits beyond the thousandth: enough for any
// clock here, and the same text on every machine.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func within(n, low, high int) bool { return n >= low && n <= high }

// rowsOf refuses rows that are not one for each cell, in order.
func rowsOf(cells []bench.Cell, unit string) func([]bench.Row) error {
	return func(rows []bench.Row) error {
		return inOrder(rows, cells, func(r bench.Row, c bench.Cell) error { return checkRow(r, c, unit) })
	}
}

func inOrder[Row, Cell any](rows []Row, cells []Cell, check func(Row, Cell) error) error {
	if len(rows) != len(cells) {
		return fmt.Errorf("it has %d rows, and %d were asked for", len(rows), len(cells))
	}
	for i, r := range rows {
		if err := check(r, cells[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkRow refuses a row that a guest cannot have measured honestly: one
// that was not asked for, or whose numbers are none.
func checkRow(r bench.Row, want bench.Cell, unit string) error {
	switch {
	case r.Cell != want:
		return fmt.Errorf("guest sent a row for %.80q, asked was %s", r.Cell.Name(), want.Name())
	case len(r.NA) > 4096 || len(r.Err) > 4096 || len(r.SHA256) > 64:
		return fmt.Errorf("guest sent an oversized text for %s", want.Name())
	case r.NA != "" || r.Err != "":
		return nil
	case r.Unit != unit:
		return fmt.Errorf("guest measured %s in %.80q, asked was %q", want.Name(), r.Unit, unit)
	case !within(r.Calls, 1, 1e9) || !within(r.Warmup, 0, 1e9) || !within(r.Batch, 1, r.Calls) ||
		!within(r.Notifications, 0, 1e9) || !within(r.Stopped, 0, 1e6):
		return fmt.Errorf("guest sent impossible counts for %s", want.Name())
	case strings.Trim(r.SHA256, "0123456789abcdef") != "" || len(r.SHA256) != 64:
		return fmt.Errorf("guest sent no hash of its samples for %s", want.Name())
	}
	values := []float64{r.TargetCPU * 1e9, r.SupervisorCPU * 1e9, r.Switches, r.Tick}
	for _, s := range []bench.Stats{r.Total, r.Native, r.Supervisor} {
		values = append(values, s.Median, s.Mean, s.P10, s.P90, s.P99, s.P999, s.Max)
		if s.P10 > s.Median || s.Median > s.P90 || s.P90 > s.P99 || s.P99 > s.P999 || s.P999 > s.Max {
			return fmt.Errorf("guest sent percentiles out of order for %s", want.Name())
		}
	}
	if r.Modes != nil {
		values = append(values, r.Modes.Low, r.Modes.High, r.Modes.Share)
	}
	for _, v := range values {
		if math.IsNaN(v) || v < 0 || v > 1e15 {
			return fmt.Errorf("guest sent the number %v for %s", v, want.Name())
		}
	}
	if r.Total.Median == 0 || r.Native.Median == 0 {
		return fmt.Errorf("guest sent a cost of nothing for %s", want.Name())
	}
	return nil
}
