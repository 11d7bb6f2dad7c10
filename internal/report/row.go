package report

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A Row is one result, taken apart. Its JSON is what the json format prints,
// one object a line.
type Row struct {
	// Where is "host" for accel=native, else the architecture; "" with NA is
	// everywhere.
	Where string `json:"where"`
	// Name is the benchmark's full name, without "Benchmark".
	Name string `json:"name"`
	// Keys are the name's key=value parts: mech, syscall, and where they
	// make sense wake, cpus, bytes, addr, peers; in steps of sweeps filters,
	// targets, supervisors.
	Keys map[string]string `json:"keys"`
	// Procs is the number of CPUs, the name's -N suffix; 0 if there is none.
	Procs int `json:"procs,omitempty"`
	// Emulated is set where times are those of an emulator, which tell
	// nothing of a CPU.
	Emulated bool `json:"emulated,omitempty"`
	// Iterations is the number of calls measured.
	Iterations int `json:"iterations,omitempty"`
	// Metrics are the measurements by unit, as they were measured: the
	// headline "insns/op" or "ns/op" (the median), "mean-insns/op",
	// "p99-insns/op", "native-insns/op", "csw/op" and so on.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Config are the file keys in force: kernel, accel, clock, qemu and so on.
	Config map[string]string `json:"config,omitempty"`
	// NA is why there is nothing to measure; such a row has no metrics.
	NA string `json:"na,omitempty"`
}

// NewRow takes a result apart. The row shares nothing with r.
func NewRow(r *benchfmt.Result) Row {
	row := Row{
		Name:       string(r.Name),
		Iterations: r.Iters,
		Metrics:    make(map[string]float64, len(r.Values)),
		Config:     make(map[string]string, len(r.Config)),
	}
	_, row.Keys, row.Procs = splitName(row.Name)
	for _, v := range r.Values {
		value, unit := measured(v)
		row.Metrics[unit] = value
	}
	for _, c := range r.Config {
		if exported(c) {
			row.Config[c.Key] = string(bytes.TrimSpace(c.Value))
		}
	}
	lane := laneOf(row)
	row.Where, row.Emulated = lane.Where(), lane.Emulated()
	return row
}

// exported reports whether c belongs in a file. benchproc's convention is
// that tools' own keys start with a dot; benchfmt's File flag does not serve,
// since SetConfig, the only way to set a key on a live result, clears it.
func exported(c benchfmt.Config) bool {
	return !strings.HasPrefix(c.Key, ".") && len(bytes.TrimSpace(c.Value)) > 0
}

// measured undoes what benchfmt's reader does to units: ns/op stays ns/op.
func measured(v benchfmt.Value) (float64, string) {
	if v.OrigUnit != "" {
		return v.OrigValue, v.OrigUnit
	}
	return v.Value, v.Unit
}

// splitName splits a benchmark's name into its base, its key=value parts and
// its -N suffix. A part that is no key=value has itself as key and no value.
func splitName(name string) (base string, keys map[string]string, procs int) {
	b, parts := benchfmt.Name(name).Parts()
	keys = make(map[string]string, len(parts))
	for _, p := range parts {
		part := string(p)
		if part[0] == '-' {
			procs, _ = strconv.Atoi(part[1:])
			continue
		}
		key, value, _ := strings.Cut(part[1:], "=")
		keys[key] = value
	}
	return string(b), keys, procs
}

// A Lane is where and how a result was measured. Results of different lanes
// do not compare.
type Lane struct {
	Goarch, Accel, Kernel, Clock string
}

func laneOf(row Row) Lane {
	return Lane{
		Goarch: row.Config["goarch"],
		Accel:  row.Config["accel"],
		Kernel: row.Config["kernel"],
		Clock:  row.Config["clock"],
	}
}

// Where is "host" for accel=native, else the architecture.
func (l Lane) Where() string {
	switch {
	case l.Accel == "native":
		return "host"
	case l.Goarch == "":
		return "unknown"
	}
	return l.Goarch
}

// Emulated reports whether the lane's times are those of an emulator, which
// tell nothing of a CPU.
func (l Lane) Emulated() bool { return l.Accel == "tcg" && l.Clock != "insns" }

// headline is the unit of the lane's headline metric.
func (l Lane) headline() string {
	if l.Clock == "insns" {
		return "insns/op"
	}
	return "ns/op"
}
