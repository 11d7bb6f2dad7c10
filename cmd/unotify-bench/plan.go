package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// plan is what the flags come to.
type plan struct {
	runFlags
	onHost bool
	arches []*abi.Arch
	clocks []kernel.Clock
	accelV kernel.Accel
	host   []bench.Cell
	guest  []bench.Cell
	calls  int
}

// plan checks everything that can be checked before any work begins.
func (f runFlags) plan() (*plan, error) {
	p := &plan{runFlags: f, calls: 1000}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if err := checkKernel(f.kernel, p.arches); err != nil {
		return nil, err
	}
	if f.source != "" && isTree(f.kernel) {
		return nil, usageError("--kernel %s is a source tree already: leave --source away", f.kernel)
	}
	switch f.clock {
	case "insns":
		p.clocks = []kernel.Clock{kernel.Insns}
	case "wall":
		p.clocks = []kernel.Clock{kernel.Wall}
	case "both":
		p.clocks = []kernel.Clock{kernel.Insns, kernel.Wall}
	default:
		return nil, usageError("--clock is %q; want insns, wall or both", f.clock)
	}
	switch f.accel {
	case "auto":
	case "kvm", "tcg":
		p.accelV = kernel.Accel(f.accel)
	default:
		return nil, usageError("--accel is %q; want auto, kvm or tcg", f.accel)
	}
	if f.format == lavaFormat && (len(p.arches) > 0 || f.output != "") {
		return nil, usageError("--format lava is what a device prints for a lab: --on host, without -o")
	}
	if f.format != "text" && f.format != lavaFormat {
		if _, err := report.NewWriter(f.format, nil); err != nil {
			return nil, usageError("%w, lava, text", err)
		}
	}
	for _, n := range []struct {
		name  string
		v, hi int
	}{{"cpus", f.cpus, 64}, {"count", f.count, 1000}, {"jobs", f.jobs, 1024}} {
		if n.v < 1 || n.v > n.hi {
			return nil, usageError("--%s is %d; want 1 to %d", n.name, n.v, n.hi)
		}
	}
	if f.per < 0 {
		return nil, usageError("--time is %v; want a positive duration", f.per)
	}
	if f.resume && f.output == "" {
		return nil, usageError("--resume needs the -o FILE of the interrupted run")
	}
	part, parts, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	cells, err := f.cells()
	if err != nil {
		return nil, usageError("%w", err)
	}
	if err := f.checkFault(); err != nil {
		return nil, err
	}
	match, err := regexp.Compile(f.match)
	if err != nil {
		return nil, usageError("--run: %w", err)
	}
	for _, c := range cells {
		if !match.MatchString(c.Name()) {
			continue
		}
		// A name that was asked for is measured, in the short run too.
		short := c.Headline() && (c.Bytes == 0 || c.Bytes == 64)
		if f.all || f.match != "" || short || len(f.sweep) > 0 {
			p.host = append(p.host, c)
			// A machine that counts instructions has one CPU.
			if c.CPUs == "same" || f.clock != "insns" {
				p.guest = append(p.guest, c)
			}
			continue
		}
		// The host can afford the dimensions that one CPU does not have.
		if !f.quick && c.CPUs != "free" && c.Syscall == "getppid" {
			p.host = append(p.host, c)
		}
	}
	p.host, p.guest = shard(p.host, part, parts), shard(p.guest, part, parts)
	if !p.onHost {
		p.host = nil
	}
	if len(p.arches) == 0 {
		p.guest = nil
	}
	// No machine is booted for nothing, as in a small part of a few rows.
	if len(p.guest) == 0 {
		p.arches = nil
	}
	if len(p.host)+len(p.guest) == 0 {
		return nil, usageError("no row is called for; see unotify-bench run --list --all")
	}
	if f.profile {
		if err := p.checkProfile(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// cells are those that can be called for by name: those of the table, or of
// sweeps.
func (f runFlags) cells() ([]bench.Cell, error) {
	syscalls := f.syscalls
	if len(f.sweep) > 0 {
		sweeps, err := bench.SelectSweeps(f.sweep)
		if err != nil {
			return nil, err
		}
		var cells []bench.Cell
		for _, s := range sweeps {
			steps, err := s.Cells(f.mechs, syscalls)
			if err != nil {
				return nil, err
			}
			cells = append(cells, steps...)
		}
		return cells, nil
	}
	if f.quick && len(syscalls) == 0 {
		syscalls = []string{"getppid", "openat"}
	}
	mechs, err := bench.SelectMechanisms(f.mechs)
	if err != nil {
		return nil, err
	}
	cases, err := bench.SelectCases(syscalls)
	if err != nil {
		return nil, err
	}
	return bench.Cells(mechs, cases), nil
}

// faultOn is what to switch on in a kernel that has faults, "" in any other.
func (p *plan) faultOn() string {
	switch {
	case p.kernel != string(kernel.Faulty):
		return ""
	case p.fault == "":
		return noFault
	}
	return p.fault
}

// id tells whether two runs measure the same: what --resume checks.
func (p *plan) id() string {
	h := sha256.New()
	fmt.Fprintln(h, version(), p.kernel, p.source, p.clock, p.accel, p.cpus, p.count, p.per, p.on, p.fault, p.host, p.guest)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// parseShard reads I/N; the empty string is 1/1.
func parseShard(s string) (part, parts int, err error) {
	if s == "" {
		return 1, 1, nil
	}
	i, n, ok := strings.Cut(s, "/")
	part, err1 := strconv.Atoi(i)
	parts, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || part < 1 || part > parts {
		return 0, 0, usageError("--shard is %q; want I/N with I from 1 to N", s)
	}
	return part, parts, nil
}

// shard deals rows out to parts, so that each gets some of every kind.
func shard[Row any](rows []Row, part, parts int) []Row {
	var out []Row
	for i, c := range rows {
		if i%parts == part-1 {
			out = append(out, c)
		}
	}
	return out
}

// list prints the rows that would be measured, with the reason where one
// cannot be.
func (a *app) list(p *plan) error {
	cells := p.host
	for _, c := range p.guest {
		if !slices.Contains(p.host, c) {
			cells = append(cells, c)
		}
	}
	for _, c := range cells {
		if why := c.Unable(); why != "" {
			fmt.Fprintf(a.stdout, "%-72s n/a: %s\n", c.Name(), why)
			continue
		}
		fmt.Fprintln(a.stdout, c.Name())
	}
	return nil
}
