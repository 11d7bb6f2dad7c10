package bench

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// TestEveryCell measures every mechanism with every syscall. Placements and
// wake-ups beside the headline's are tried with getppid only under -short.
func TestEveryCell(t *testing.T) {
	cfg := few
	cfg.Calls = chunk
	var cells []Cell
	for _, c := range Cells(product(), Cases()) {
		if c.Unable() == "" && (!testing.Short() || c.Headline() || c.Syscall == "getppid") {
			cells = append(cells, c)
		}
	}
	tried, measured := map[string]bool{}, map[string]bool{}
	for _, r := range rows(t, cfg, cells...) {
		key := r.Cell.Mech + " " + r.Cell.Syscall
		tried[key] = true
		if r.NA == "" {
			measured[key] = true
			checkRow(t, r, cfg)
			continue
		}
		// Three reasons are good: one CPU, for a placement that needs two, an
		// argument that a tracer cannot rewrite on this architecture, and a
		// kernel that lacks what is proposed.
		one := r.Cell.CPUs == "cross" && cpus(t) == 1
		fixed := FindMechanism(r.Cell.Mech).Traced && !rewritable(r.Cell.findCase().Pointer)
		lacks := lacking(t, r.Cell)
		if fixed || lacks != "" {
			delete(tried, key)
		}
		if !one && !fixed && (lacks == "" || r.NA != "this kernel has no "+lacks) {
			t.Errorf("%s: not measured: %s", r.Cell.Name(), r.NA)
		}
	}
	for key := range tried {
		if !measured[key] {
			t.Errorf("%s was not measured in any arrangement", key)
		}
	}
	t.Logf("%d cells", len(cells))
}

// TestProposed measures the headline cells of what is proposed, where the
// kernel has it, and wants a reason where it has not. It is short enough for a
// virtual machine.
func TestProposed(t *testing.T) {
	cfg := few
	cfg.Calls = chunk
	var cells []Cell
	for _, c := range Cells(product(), Cases()) {
		if c.Unable() == "" && c.Headline() && len(FindMechanism(c.Mech).Needs) > 0 {
			cells = append(cells, c)
		}
	}
	measured := 0
	for _, r := range rows(t, cfg, cells...) {
		if lacks := lacking(t, r.Cell); lacks != "" {
			if r.Err != "" || r.NA != "this kernel has no "+lacks || r.Total != (Stats{}) {
				t.Errorf("%s: n/a %q, error %q, but this kernel has no %s", r.Cell.Name(), r.NA, r.Err, lacks)
			}
			continue
		}
		measured++
		checkRow(t, r, cfg)
	}
	t.Logf("%d of %d cells measured", measured, len(cells))
}

// lacking names the first thing that a cell needs and this kernel has not.
func lacking(t *testing.T, c Cell) string {
	t.Helper()
	needs := FindMechanism(c.Mech).Needs
	if c.Mech == "redirect" && c.findCase().Execs {
		needs = append(slices.Clone(needs), notify.FeatureExecEvent)
	}
	for _, f := range needs {
		for _, found := range kernelHas() {
			if found.Feature == "ask for "+f.String() && found.State != Works {
				if *patched {
					t.Errorf("a patched kernel has no %v", f)
				}
				return f.String()
			}
		}
	}
	return ""
}

// kernelHas is what the kernel says of the proposed features.
var kernelHas = sync.OnceValue(askForProposed)

func rewritable(arg int) bool {
	if arg < 0 {
		return true // there is nothing to rewrite
	}
	_, ok := notify.ArgOffset(arg)
	return ok
}

func cpus(t *testing.T) int {
	t.Helper()
	allowed, err := notify.AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	return len(allowed)
}

// checkRow checks what must hold of any row that was measured.
func checkRow(t *testing.T, r Row, cfg Config) {
	t.Helper()
	if r.Err != "" || r.NA != "" {
		t.Errorf("%s: not measured: %s%s", r.Cell.Name(), r.Err, r.NA)
		return
	}
	m, cs := FindMechanism(r.Cell.Mech), r.Cell.findCase()
	var wrong []string
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	need(r.Unit == cfg.Unit, "unit %q", r.Unit)
	need(r.Calls > 0 && (r.Calls%chunk == 0 || r.Cell.Targets > 0), "%d calls", r.Calls)
	need(r.Batch > 0 && r.Calls%max(r.Batch, 1) == 0 && r.Warmup%max(r.Batch, 1) == 0, "batch %d of %d calls after %d", r.Batch, r.Calls, r.Warmup)
	need(r.Counter != "" && r.Tick > 0, "counter %q with a tick of %v", r.Counter, r.Tick)
	for name, s := range map[string]Stats{"total": r.Total, "native": r.Native, "supervisor": r.Supervisor} {
		need(s.P10 <= s.Median && s.Median <= s.P90 && s.P90 <= s.P99 && s.P99 <= s.P999 && s.P999 <= s.Max, "%s: percentiles out of order: %+v", name, s)
		need(s.Mean <= s.Max, "%s: the mean is above the maximum: %+v", name, s)
		need((s.Median > 0) == (name != "supervisor" || m.Serve != nil), "%s: median %v", name, s.Median)
	}
	need(len(r.SHA256) == 64 && strings.Trim(r.SHA256, "0123456789abcdef") == "", "hash %q", r.SHA256)
	need(r.TargetCPU >= 0 && r.SupervisorCPU >= 0 && r.Switches >= 0, "negative costs")
	if m.Peers > 0 {
		need(r.Stopped >= max(r.Cell.Peers, 1), "%d threads stopped, %d peers", r.Stopped, r.Cell.Peers)
	} else {
		need(r.Stopped == 0, "%d threads stopped", r.Stopped)
	}
	if md := r.Modes; md != nil {
		need(md.Low < md.High && md.Share > 0 && md.Share < 1, "modes %+v", *md)
	}
	if m.Serve == nil {
		need(r.Notifications == 0, "%d notifications without a supervisor", r.Notifications)
	} else if !cs.Execs {
		spec := targetSpec{Chunk: chunk, Batch: r.Batch}
		if r.Cell.Targets > 0 {
			spec.Chunk = roundsInChunk * r.Batch
		}
		want := r.Calls + r.Warmup + (r.Calls/spec.Chunk-1)*spec.rewarm()
		need(r.Notifications == want, "%d notifications, want %d", r.Notifications, want)
	} else {
		need(r.Notifications >= r.Calls+r.Warmup, "%d notifications for %d calls", r.Notifications, r.Calls+r.Warmup)
	}
	if len(wrong) > 0 {
		t.Errorf("%s:\n\t%s", r.Cell.Name(), strings.Join(wrong, "\n\t"))
	}
}

// TestCounts: how many calls a row gets.
func TestCounts(t *testing.T) {
	big := cellOf("reply", "write")
	big.Bytes = 1 << 20
	for _, tt := range []struct {
		name          string
		cell          Cell
		calls, warmup int
		want, warmed  int
	}{
		{"as asked", cellOf("reply", "openat"), 300, 20, 300, 20},
		{"whole hundreds", cellOf("reply", "openat"), 250, 7, 200, 7},
		{"at least one", cellOf("reply", "openat"), 1, 0, 100, 0},
		{"a tenth of the large", big, 2000, 100, 200, 10},
		{"at least one of the large", big, 100, 1, 100, 1},
		{"a quarter with peers", cellOf("ptrace-freeze", "openat"), 1000, 40, 200, 10},
	} {
		cfg := few
		cfg.Calls, cfg.Warmup = tt.calls, tt.warmup
		r := rows(t, cfg, tt.cell)[0]
		if r.Err != "" || r.NA != "" || r.Calls != tt.want || r.Warmup != tt.warmed {
			t.Errorf("%s: %d calls after %d, want %d after %d (%s%s)", tt.name, r.Calls, r.Warmup, tt.want, tt.warmed, r.Err, r.NA)
		}
	}
}

// testPlaces answers with where both sides ran.
var testPlaces = register(&Mechanism{
	Name: "test-places", Rank: testRank, Replaces: true,
	Verdict: FindMechanism("reply").Verdict,
	Serve: func(s *supervisor) error {
		var target, sup unix.CPUSet
		if err := unix.SchedGetaffinity(s.tid, &target); err != nil {
			return err
		}
		if err := unix.SchedGetaffinity(0, &sup); err != nil {
			return err
		}
		return fmt.Errorf("target %v, supervisor %v", cpuList(&target), cpuList(&sup))
	},
})

func cpuList(set *unix.CPUSet) []int {
	var l []int
	for i := range 8 * len(set) * 8 {
		if set.IsSet(i) {
			l = append(l, i)
		}
	}
	return l
}

func TestPlaces(t *testing.T) {
	all, err := notify.AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"same":  fmt.Sprintf("target [%d], supervisor [%d]", all[0], all[0]),
		"free":  fmt.Sprintf("target %v, supervisor %v", all, all),
		"cross": "this machine gives us one CPU only",
	}
	if len(all) > 1 {
		want["cross"] = fmt.Sprintf("target [%d], supervisor [%d]", all[0], all[1])
	}
	for _, place := range []string{"same", "cross", "free"} {
		c := cellOf(testPlaces.Name)
		c.CPUs = place
		r := rows(t, few, c)[0]
		if got := r.Err + r.NA; got != want[place] {
			t.Errorf("%s: %s, want %s", place, got, want[place])
		}
	}
	c := cellOf("native")
	c.CPUs = "nowhere"
	if r := rows(t, few, c)[0]; !strings.Contains(r.Err, `unknown placement "nowhere"`) {
		t.Errorf("an unknown placement: %q", r.Err)
	}
}

// TestSameCalls: the same cell twice has other samples, so other sums.
func TestSamplesAreHashed(t *testing.T) {
	r := rows(t, few, cellOf("native"), cellOf("native"))
	checkRow(t, r[0], few)
	if r[0].SHA256 == r[1].SHA256 {
		t.Errorf("two measurements of %d calls have the same hash %s", r[0].Calls, r[0].SHA256)
	}
}

func TestUnits(t *testing.T) {
	cfg := few
	cfg.Unit = "parsec"
	if r := rows(t, cfg, cellOf("native"))[0]; !strings.Contains(r.Err, `unknown unit "parsec"`) {
		t.Errorf("error %q", r.Err)
	}
}

func TestUnableCells(t *testing.T) {
	for _, tt := range []struct{ mech, syscall, why string }{
		{"addfd", "bind", "descriptor"},
		{"continue-read", "getppid", "no pointer"},
		{"ptrace-freeze", "getppid", "no pointer"},
		{"inject", "getppid", "openat, bind and write only"},
		{"inject", "connect", "openat, bind and write only"},
		{"target-call", "getppid", "TARGET_CALL can issue"},
		{"target-call-send", "execve", "TARGET_CALL can issue"},
		{"redirect-cold", "getppid", "no pointer"},
		{"reply", "execve", "starts no program"},
	} {
		c := cellOf(tt.mech, tt.syscall)
		if tt.syscall == "bind" || tt.syscall == "connect" {
			c.Addr = "unix"
		}
		r := rows(t, few, c)[0]
		if !strings.Contains(r.NA, tt.why) || r.Err != "" || r.Total != (Stats{}) {
			t.Errorf("%s: n/a %q, error %q, want %q", c.Name(), r.NA, r.Err, tt.why)
		}
	}
}
