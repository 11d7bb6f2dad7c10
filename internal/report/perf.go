package report

import (
	"fmt"
	"io"
	"math"

	"golang.org/x/perf/benchfmt"
)

// perfWriter writes what `perf bench sched seccomp-notify` prints by default,
// once a result: tools/perf/bench/sched-seccomp-notify.c, the case
// BENCH_FORMAT_DEFAULT, under the heading of tools/perf/builtin-bench.c. The
// 0-day bot's parsers look for its usecs/op and ops/sec lines; TestPerfFormat of
// cmd holds them against perf's source.
//
// perf divides the whole time by the number of calls, so these figures are
// the mean where there is one, and not the table's median.
type perfWriter struct{ w io.Writer }

func (p *perfWriter) Write(r *benchfmt.Result) error {
	if err := check(r); err != nil {
		return fmt.Errorf("writing perf: %w", err)
	}
	row := NewRow(r)
	ns, ok := row.Metrics["mean-ns/op"]
	if !ok {
		ns, ok = row.Metrics["ns/op"]
	}
	if !ok || ns == 0 {
		_, err := fmt.Fprintf(p.w, "# Left out 'sched/%s' (%s): instructions are not time, and no time was measured\n\n", row.Name, row.Where)
		return err
	}
	emulated := ""
	if laneOf(row).Emulated() {
		emulated = ", emulated"
	}
	usecs := ns / 1e3
	msecs := uint64(ns * float64(row.Iterations) / 1e6)
	_, err := fmt.Fprintf(p.w, `# Running 'sched/%s' benchmark:
# Executed %d system calls (%s%s)

 %14s: %d.%03d [sec]

 %14f usecs/op
 %14.0f ops/sec

`, row.Name, row.Iterations, row.Where, emulated, "Total time", msecs/1e3, msecs%1e3, usecs, math.Trunc(1e6/usecs))
	return err
}

func (p *perfWriter) WriteNA(na NA) error {
	if err := checkNA(na); err != nil {
		return fmt.Errorf("writing perf: %w", err)
	}
	where := na.Where
	if where == "" {
		where = "everywhere"
	}
	_, err := fmt.Fprintf(p.w, "# Left out 'sched/%s' (%s): %s\n\n", na.Name, where, na.Why)
	return err
}
