package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A Writer writes results as they come, each complete before it returns.
type Writer interface {
	Write(*benchfmt.Result) error
	WriteNA(NA) error
}

// Formats are the formats that NewWriter knows.
var Formats = []string{"benchfmt", "json", "perf"}

// NewWriter returns a writer of the named format.
func NewWriter(format string, w io.Writer) (Writer, error) {
	switch format {
	case "benchfmt":
		return &benchWriter{w: w, bw: benchfmt.NewWriter(w), units: make(map[string]bool)}, nil
	case "json":
		return &jsonWriter{w}, nil
	case "perf":
		return &perfWriter{w}, nil
	}
	return nil, fmt.Errorf("unknown format %q: known are %s", format, strings.Join(Formats, ", "))
}

// benchWriter writes the Go benchmark format: file keys when they change, so
// normally once, then a line a result.
type benchWriter struct {
	w     io.Writer
	bw    *benchfmt.Writer
	units map[string]bool // whose metadata is written
}

func (b *benchWriter) Write(r *benchfmt.Result) error {
	if err := check(r); err != nil {
		return fmt.Errorf("writing benchfmt: %w", err)
	}
	for _, v := range r.Values {
		_, unit := measured(v)
		if (unit != "insns/op" && unit != "ns/op") || b.units[unit] {
			continue
		}
		b.units[unit] = true
		meta := &benchfmt.UnitMetadata{
			UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: v.Unit, Key: "better"},
			OrigUnit:        unit,
			Value:           "lower",
		}
		if err := b.bw.Write(meta); err != nil {
			return fmt.Errorf("writing benchfmt: %w", err)
		}
	}
	// benchfmt.Writer drops keys that are not marked as the file's own, and
	// live results cannot mark theirs: see exported.
	out := r.Clone()
	out.Config = slices.DeleteFunc(out.Config, func(c benchfmt.Config) bool { return !exported(c) })
	for i := range out.Config {
		out.Config[i].File = true
		out.Config[i].Value = bytes.TrimSpace(out.Config[i].Value)
	}
	if err := b.bw.Write(out); err != nil {
		return fmt.Errorf("writing benchfmt: %w", err)
	}
	return nil
}

func (b *benchWriter) WriteNA(na NA) error {
	line, err := formatNA(na)
	if err != nil {
		return fmt.Errorf("writing benchfmt: %w", err)
	}
	_, err = io.WriteString(b.w, line)
	return err
}

// jsonWriter writes one Row a line.
type jsonWriter struct{ w io.Writer }

func (j *jsonWriter) Write(r *benchfmt.Result) error {
	if err := check(r); err != nil {
		return fmt.Errorf("writing json: %w", err)
	}
	return j.row(NewRow(r))
}

func (j *jsonWriter) WriteNA(na NA) error {
	if err := checkNA(na); err != nil {
		return fmt.Errorf("writing json: %w", err)
	}
	_, keys, procs := splitName(na.Name)
	return j.row(Row{Where: na.Where, Name: na.Name, Keys: keys, Procs: procs, NA: na.Why})
}

func (j *jsonWriter) row(row Row) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(row); err != nil {
		return fmt.Errorf("writing json: %s: %w", row.Name, err)
	}
	_, err := j.w.Write(buf.Bytes())
	return err
}
