package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"unotify-bench/internal/report"
)

// raceReport is what was counted, and where it goes.
type raceReport struct {
	w    io.Writer
	rows []raceRow
}

var raceWriters = map[string]func(*raceReport) error{
	"table": (*raceReport).table,
	"json":  (*raceReport).json,
	"svg":   (*raceReport).svg,
}

// table is for a person: a line an attack, one place after the other.
func (r *raceReport) table() error {
	w := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	where := ""
	for _, row := range r.rows {
		if row.Where != where {
			where = row.Where
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(r.w, "%s (Linux %s, %s, %d CPUs)\n", where, row.Kernel, row.Accel, row.CPUs)
			fmt.Fprintln(w, "mechanism\tattack\ttries\tlost\trate\tat most\ttries/s\t")
		}
		fmt.Fprintf(w, "%s\t%s\t", row.Mech, row.Attack)
		if row.Tries > 0 {
			fmt.Fprintf(w, "%d\t%d\t%.3g\t%.2g\t%.0f\t", row.Tries, row.Won, row.Rate, row.Upper, (*report.Race)(&row).Speed())
		} else {
			fmt.Fprint(w, "\t\t\t\t\t")
		}
		fmt.Fprintf(w, "  %s", row.Verdict)
		if row.Text != "" {
			fmt.Fprintf(w, ": %s", firstLine(row.Text))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// json has one object an attack, for whoever wants to count, and for --from.
func (r *raceReport) json() error {
	rows := r.rows
	if rows == nil {
		rows = []raceRow{}
	}
	e := json.NewEncoder(r.w)
	e.SetIndent("", "  ")
	return e.Encode(rows)
}

// readRaces reads what json wrote. Somebody else's file is not believed.
func readRaces(paths []string) ([]raceRow, error) {
	var all []raceRow
	for _, path := range paths {
		in, err := report.ReadInput(path)
		if err == nil {
			err = errors.Join(in.Warnings...)
		}
		if err == nil && in.Races == nil {
			err = fmt.Errorf("%s holds none: %w", path, report.ErrFormat)
		}
		if err != nil {
			return nil, usageError("read counts: %w", err)
		}
		for _, r := range in.Races {
			r.Kernel, r.Accel, r.Verdict = clean(r.Kernel), clean(r.Accel), clean(r.Verdict)
			all = append(all, raceRow(r))
		}
	}
	return all, nil
}
