package main

import (
	"fmt"
	"math"
	"strings"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/bench"
	"unotify-bench/bench/workload"
)

// workloadResult turns a row into a benchmark line: one operation is the whole
// workload. native is what that took in the same round without a supervisor, 0
// if nobody knows.
func workloadResult(r workload.Row, native float64, keys laneKeys, cpus int) *benchfmt.Result {
	u := r.Unit + "/op"
	res := &benchfmt.Result{
		Config: keys.config(),
		Name:   benchfmt.Name(fmt.Sprintf("%s-%d", r.Cell.Name(), cpus)),
		Iters:  1,
	}
	add := func(v float64, unit string) {
		res.Values = append(res.Values, benchfmt.Value{Value: round(v), Unit: unit})
	}
	add(r.Elapsed, u)
	if native > 0 {
		add(native, "native-"+u)
	}
	add(float64(r.Notified), "notifs/op")
	add(float64(r.Denied), "denied/op")
	add(float64(r.Racy), "racy/op")
	if r.Notified > 0 && native > 0 && r.Elapsed > native {
		add((r.Elapsed-native)/float64(r.Notified), r.Unit+"/notif")
	}
	if r.Notified > 0 && r.Unit == bench.UnitNanoseconds {
		add(float64(r.Notified)*1e9/r.Elapsed, "notifs/s")
	}
	if r.Tries > 0 {
		add(float64(r.Tries), "tries/op")
		add(float64(r.Breaches), "breaches/op")
	}
	return res
}

// workloadsOf is rowsOf for workloads.
func workloadsOf(cells []workload.Cell, unit string) func([]workload.Row) error {
	return func(rows []workload.Row) error {
		return inOrder(rows, cells, func(r workload.Row, c workload.Cell) error { return checkWorkload(r, c, unit) })
	}
}

// checkWorkload refuses a row that a guest cannot have measured honestly.
func checkWorkload(r workload.Row, want workload.Cell, unit string) error {
	name := want.Name()
	texts := len(r.NA) + len(r.Err)
	for _, line := range r.Refusals {
		texts += len(line)
	}
	switch {
	case r.Cell != want:
		return fmt.Errorf("guest sent a row for %.80q, asked was %s", r.Cell.Name(), name)
	case texts > 16<<10 || len(r.Refusals) > 100 || len(r.Verdicts) > 64 || len(r.SHA256) > 64:
		return fmt.Errorf("guest sent an oversized text for %s", name)
	case r.NA != "" || r.Err != "":
		return nil
	case r.Unit != unit:
		return fmt.Errorf("guest measured %s in %.80q, asked was %q", name, r.Unit, unit)
	case math.IsNaN(r.Elapsed) || r.Elapsed < 1 || r.Elapsed > 1e15:
		return fmt.Errorf("guest sent the number %v for %s", r.Elapsed, name)
	case !within(r.Calls, 1, 1e9) || !within(r.Notified, 0, 1e9) || !within(r.Denied, 0, r.Notified) ||
		!within(r.Racy, 0, r.Notified-r.Denied) || !within(r.Tries, 0, 1e9) || !within(r.Breaches, 0, r.Tries) || r.Status != 0:
		return fmt.Errorf("guest sent impossible counts for %s", name)
	case strings.Trim(r.SHA256+r.Verdicts, "0123456789abcdef") != "" || len(r.SHA256) != 64:
		return fmt.Errorf("guest sent no hash for %s", name)
	}
	return nil
}
