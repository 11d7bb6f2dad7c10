package bench

import (
	"fmt"
	"strings"
)

// Cell is one place of the table: a mechanism applied to a syscall in one
// arrangement. The zero value of a dimension means that it does not apply.
type Cell struct {
	Mech    string `json:"mech"`
	Syscall string `json:"syscall"`
	Addr    string `json:"addr,omitempty"`    // bind, connect: "unix", "inet"
	Bytes   int    `json:"bytes,omitempty"`   // write: payload, bytes
	Peers   int    `json:"peers,omitempty"`   // threads beside the caller
	Filters int    `json:"filters,omitempty"` // allow-filters under the mechanism's own
	Wake    string `json:"wake,omitempty"`    // listener: "sync", "async"
	CPUs    string `json:"cpus"`              // "same", "cross", "free"

	// Targets is how many processes call at once, on one listener, and
	// Supervisors how many threads answer; 0 for the usual one and one.
	Targets     int `json:"targets,omitempty"`
	Supervisors int `json:"supervisors,omitempty"`

	// Sweep names the sweep that the cell is a step of, where that varies a
	// dimension which other cells do not have. None of it is a step, too.
	Sweep string `json:"sweep,omitempty"`
}

// Name is the benchmark's name, without the Benchmark prefix and the CPU
// count: Notify/mech=continue/syscall=getppid/wake=sync/cpus=same. Every
// selection by regular expression works on it.
func (c Cell) Name() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Notify/mech=%s/syscall=%s", c.Mech, c.Syscall)
	if c.Addr != "" {
		fmt.Fprintf(&b, "/addr=%s", c.Addr)
	}
	if c.Bytes != 0 {
		fmt.Fprintf(&b, "/bytes=%d", c.Bytes)
	}
	if c.Peers != 0 || c.Sweep == sweepPeers {
		fmt.Fprintf(&b, "/peers=%d", c.Peers)
	}
	if c.Sweep == sweepFilters {
		fmt.Fprintf(&b, "/filters=%d", c.Filters)
	}
	if c.Targets != 0 {
		fmt.Fprintf(&b, "/targets=%d/supervisors=%d", c.Targets, c.Supervisors)
	}
	if c.Wake != "" {
		fmt.Fprintf(&b, "/wake=%s", c.Wake)
	}
	fmt.Fprintf(&b, "/cpus=%s", c.CPUs)
	return b.String()
}

// Headline reports whether the cell stands in the short table: the sync
// wake-up on one CPU, which is what a supervisor that cares would use.
func (c Cell) Headline() bool { return c.Wake != "async" && c.CPUs == "same" }

// Cells lists every cell of the given mechanisms and cases, in table order,
// those that cannot exist included (see Unable). Those of sweeps are not among
// them.
func Cells(mechs []*Mechanism, cases []*Case) []Cell {
	var cells []Cell
	for _, cs := range cases {
		if cs.SweepOnly {
			continue
		}
		for _, m := range mechs {
			for _, cpus := range []string{"same", "cross", "free"} {
				for _, wake := range m.wakes() {
					cells = append(cells, Cell{
						Mech: m.Name, Syscall: cs.Syscall, Addr: cs.Addr, Bytes: cs.Bytes,
						Peers: m.Peers, Wake: wake, CPUs: cpus,
					})
				}
			}
		}
	}
	return cells
}

// Unable says why a cell cannot exist anywhere, "" when it can. What depends
// on the machine (one CPU only, say) is found when the cell is measured.
func (c Cell) Unable() string {
	m, cs := FindMechanism(c.Mech), c.findCase()
	switch {
	case m == nil:
		return "unknown mechanism"
	case cs == nil:
		return "unknown syscall"
	case m.Replaces && cs.Execs:
		return "a call that does not run starts no program"
	case c.Sweep == sweepFilters && m.Verdict == 0:
		return m.Name + " has no filter that others could stand under"
	case c.Targets > 0 && !m.listens():
		return "many processes share a listener, and nothing else"
	case c.Targets > 0 && cs.Syscall != "getppid" && cs.Syscall != "openat":
		return "many processes cannot do this at once: what it works on is one thing"
	case m.Unable != nil:
		return m.Unable(cs)
	}
	return ""
}

func (c Cell) findCase() *Case {
	for _, cs := range Cases() {
		if cs.Syscall == c.Syscall && cs.Addr == c.Addr && cs.Bytes == c.Bytes {
			return cs
		}
	}
	return nil
}
