package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

// A place is a lane of the demonstration: its file keys, and what the calls
// cost there. The figures are invented, of a plausible size; only the machines'
// continue on getppid is a prototype's. None of them is a result to quote.
type place struct {
	config string
	unit   string
	native map[string]float64 // by syscall
	mech   map[string]float64 // added to native
	jitter float64            // relative, between seeds
	async  bool               // no wake=sync
}

var (
	host = place{
		config: "goos=linux goarch=amd64 kernel=6.1.0-18-amd64 accel=native clock=wall cpu=AMD_EPYC_7763",
		unit:   "ns/op", jitter: .021,
		native: map[string]float64{"getppid": 89, "openat": 812, "write": 131},
		mech: map[string]float64{"allow": 42, "errno": 31, "sigsys": 1190, "reply": 2301, "continue": 2361,
			"continue-read": 3090, "addfd": 4120, "ptrace-seccomp": 6730, "ptrace-syscall": 12100, "ptrace-freeze": 31400},
	}
	amd64 = place{
		config: "goos=linux goarch=amd64 kernel=6.12.117 accel=tcg clock=insns qemu=7.2.22 seeds=1,2,3,4,5",
		unit:   "insns/op", jitter: .0006,
		native: map[string]float64{"getppid": 412, "openat": 3904, "write": 988},
		mech: map[string]float64{"allow": 188, "errno": 143, "sigsys": 3311, "reply": 5715, "continue": 5907,
			"continue-read": 8013, "addfd": 9120, "ptrace-seccomp": 17430, "ptrace-syscall": 33020, "ptrace-freeze": 120100},
	}
	arm64 = place{
		config: "goos=linux goarch=arm64 kernel=6.12.117 accel=tcg clock=insns qemu=7.2.22 seeds=1,2,3,4,5",
		unit:   "insns/op", jitter: 0,
		native: map[string]float64{"getppid": 371, "openat": 3610, "write": 903},
		mech: map[string]float64{"allow": 170, "errno": 129, "sigsys": 2980, "reply": 6290, "continue": 6477,
			"continue-read": 8390, "addfd": 9330, "ptrace-seccomp": 18820, "ptrace-syscall": 35200, "ptrace-freeze": 98000},
	}
	riscv64 = place{
		config: "goos=linux goarch=riscv64 kernel=6.12.117 accel=tcg clock=insns qemu=7.2.22 seeds=1,2,3,4,5",
		unit:   "insns/op", jitter: .003,
		native: map[string]float64{"getppid": 420, "openat": 4220, "write": 1043},
		mech: map[string]float64{"allow": 201, "errno": 150, "sigsys": 3730, "reply": 7511, "continue": 7742,
			"continue-read": 10100, "addfd": 11420, "ptrace-seccomp": 22310, "ptrace-syscall": 41900},
	}
)

// wall is p measured by the emulator's clock.
func (p place) wall() place {
	p.config = strings.Replace(p.config, "clock=insns", "clock=wall", 1)
	p.unit, p.jitter = "ns/op", .08
	return p
}

func (p place) noSync() place { p.async = true; return p }

func listens(mech string) bool {
	switch mech {
	case "reply", "continue", "continue-read", "addfd":
		return true
	}
	return false
}

// variants are the wake and cpus parts of mech's rows. Virtual machines of
// the insns clock have one CPU.
func (p place) variants(mech string) []string {
	if mech == "ptrace-freeze" {
		return []string{"/peers=4"}
	}
	if !listens(mech) {
		return []string{""}
	}
	var v []string
	for _, wake := range []string{"sync", "async"} {
		if p.async && wake == "sync" {
			continue
		}
		v = append(v, "/wake="+wake+"/cpus=same")
		if p.unit == "ns/op" {
			v = append(v, "/wake="+wake+"/cpus=cross")
		}
	}
	return v
}

// results are what a run of p sends, seed by seed.
func (p place) results(t testing.TB) []*benchfmt.Result {
	var all []*benchfmt.Result
	for _, call := range []string{"getppid", "openat", "write/bytes=64", "write/bytes=65536"} {
		for _, m := range Mechanisms() {
			added, ok := p.mech[m.Name]
			if m.Name == "native" {
				ok = true
			}
			if !ok || m.Name == "addfd" && call != "openat" || m.Name == "continue-read" && call == "getppid" {
				continue
			}
			for i, v := range p.variants(m.Name) {
				name := "Notify/mech=" + m.Name + "/syscall=" + call + v + "-1"
				native := p.native[strings.Split(call, "/")[0]]
				if strings.HasSuffix(call, "65536") {
					native *= 31
				}
				for seed := range 5 {
					off := 1 + p.jitter*float64(seed-2)/2
					all = append(all, p.result(t, name, native*off, (native+added*(1+.23*float64(i)))*off))
				}
			}
		}
	}
	return all
}

func (p place) result(t testing.TB, name string, native, median float64) *benchfmt.Result {
	t.Helper()
	r := &benchfmt.Result{Name: benchfmt.Name(name), Iters: 2000}
	for _, kv := range strings.Fields(p.config) {
		k, v, _ := strings.Cut(kv, "=")
		r.SetConfig(k, strings.ReplaceAll(v, "_", " "))
	}
	round := func(f float64) float64 { return float64(int(f + .5)) }
	add := func(prefix string, v float64) {
		r.Values = append(r.Values, benchfmt.Value{Value: v, Unit: prefix + p.unit})
	}
	add("", round(median))
	add("mean-", round(median*10.07)/10)
	add("p90-", round(median*1.013))
	add("p99-", round(median*1.049))
	add("p99.9-", round(median*1.6))
	add("max-", round(median*3.9))
	if !strings.Contains(name, "mech=native/") {
		add("native-", round(native))
	}
	r.Values = append(r.Values, benchfmt.Value{Value: 2, Unit: "csw/op"})
	return r
}

var demoNAs = []NA{
	{"", "Notify/mech=addfd/syscall=getppid", "only openat gives a descriptor back"},
	{"", "Notify/mech=addfd/syscall=write", "only openat gives a descriptor back"},
	{"", "Notify/mech=continue-read/syscall=getppid", "no pointer argument to read"},
	{"riscv64", "Notify/mech=ptrace-freeze", "argument 0 cannot be rewritten: orig_a0 is not in the ptrace register file of riscv64"},
}

// demo is a set that went through a file on its way.
func demo(t testing.TB, nas []NA, places ...place) *Set {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter("benchfmt", &buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		for _, r := range p.results(t) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, na := range nas {
		if err := w.WriteNA(na); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Read(&buf, "demo")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Warnings) > 0 {
		t.Fatal(fmt.Errorf("demo: %w", f.Warnings[0]))
	}
	var s Set
	if err := s.AddFile(f); err != nil {
		t.Fatal(err)
	}
	return &s
}
