package profile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Functions of the kernel and the program that the tests' traces are of. Each
// has room for 256 instructions of one byte.
const (
	fnLoop  = 0x400000 // of the target
	fnServe = 0x400100 // of the supervisor

	kernelText = 0xffffffff81000000
	fnEntry    = kernelText
	fnCall     = kernelText + 0x100
	fnWork     = kernelText + 0x200
	fnHelper   = kernelText + 0x300
	fnSwitch   = kernelText + 0x400
	fnTrap     = kernelText + 0x500
	fnExit     = kernelText + 0x600
	fnEnd      = kernelText + 0x700
)

var testMarks = Marks{Before: fnLoop + 0x10, After: fnLoop + 0x18, Kept: fnLoop + 0x20}

func testCode() *Code {
	return &Code{
		Symbols: testSymbols(kernelText, map[string]uint64{
			"loop": fnLoop, "serve": fnServe,
			"entry": fnEntry, "do_call": fnCall, "work": fnWork, "helper": fnHelper, "switch_to": fnSwitch,
			"asm_trap": fnTrap, "iret": fnExit, "_etext": fnEnd,
		}),
		Marks: testMarks, From: fnSwitch, To: fnSwitch + 0x100,
		machine: machine{entry: "entry", call: "do_call", traps: "asm_", exit: "iret"},
	}
}

// run is n instructions of one byte from addr on.
func run(addr uint64, n uint32) Step { return Step{Addr: addr, Size: n, N: n, Last: 1} }

// load is what the function that switches tasks loads of the next.
func load(task uint64) Step { return Step{Addr: task, Load: true} }

// Pieces of traces.
var (
	before = []Step{run(fnLoop+0x10, 2)} // reads the counter, traps
	after  = []Step{run(fnLoop+0x18, 1), run(fnLoop+0x20, 3)}
	first  = []Step{run(fnLoop, 1)}
)

// stacks are a call's instructions, as folded stacks.
func stacks(f *Flow, c *call) map[string]uint64 {
	out := map[string]uint64{}
	for id, n := range c.nodes {
		var names []string
		for at := id; f.nodes[at].parent >= 0; at = f.nodes[at].parent {
			names = append([]string{f.name(f.nodes[at].sym)}, names...)
			id = f.nodes[at].parent
		}
		task := "target"
		if id != c.who.root {
			task = "another"
		}
		if n > 0 {
			out[task+";"+strings.Join(names, ";")] += n
		}
	}
	return out
}

func TestFlow(t *testing.T) {
	join := func(parts ...[]Step) (out []Step) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	const target, supervisor = 0xffff888000001000, 0xffff888000002000
	tests := []struct {
		name  string
		steps []Step // of one call
		want  map[string]uint64
	}{
		{"nothing but the trap", nil, map[string]uint64{"target;loop": 2}},
		{"calls and returns", []Step{
			run(fnEntry, 3), run(fnCall, 4), run(fnWork, 5), run(fnHelper, 6), run(fnWork+5, 1), run(fnHelper, 6), run(fnWork+6, 1),
			run(fnCall+4, 2), run(fnEntry+3, 1),
		}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;work": 7, "target;entry;do_call;work;helper": 12,
		}},
		{"a jump to another function is a call that returns further down", []Step{
			run(fnEntry, 3), run(fnCall, 4), run(fnWork, 5), run(fnHelper, 6), run(fnCall+4, 2), run(fnEntry+3, 1),
		}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;work": 5, "target;entry;do_call;work;helper": 6,
		}},
		{"a loop", []Step{run(fnEntry, 3), run(fnCall, 4), run(fnCall+1, 3), run(fnCall+1, 3), run(fnEntry+3, 1)}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 10,
		}},
		{"one function runs into the next", []Step{run(fnEntry, 0x100), run(fnCall, 4)}, map[string]uint64{
			"target;loop": 2, "target;entry": 0x100, "target;do_call": 4,
		}},
		{"a recursion is one", []Step{run(fnEntry, 3), run(fnCall, 4), run(fnCall, 4), run(fnCall+4, 1), run(fnCall+4, 1), run(fnEntry+3, 1)}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 10,
		}},
		{"a filter has no symbol", []Step{run(fnEntry, 3), run(fnCall, 4), run(0xffffffffc0000000, 9), run(fnCall+4, 2), run(fnEntry+3, 1)}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;" + noSymbolKernel: 9,
		}},
		// The instruction at work+4 faults, and is executed twice, but counted once.
		{"a fault", []Step{
			run(fnEntry, 3), run(fnCall, 4), run(fnWork, 5), run(fnTrap, 3), run(fnHelper, 6), run(fnTrap+3, 1), run(fnExit, 2), run(fnWork+4, 3),
			run(fnCall+4, 2), run(fnEntry+3, 1),
		}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;work": 7,
			"target;entry;do_call;work;asm_trap": 4, "target;entry;do_call;work;asm_trap;helper": 6, "target;entry;do_call;work;asm_trap;iret": 2,
		}},
		{"an interrupt behind a branch", []Step{
			run(fnEntry, 3), run(fnCall, 4), run(fnWork, 5), run(fnTrap, 3), run(fnExit, 2), run(fnWork+9, 3), run(fnCall+4, 2), run(fnEntry+3, 1),
		}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;work": 8,
			"target;entry;do_call;work;asm_trap": 3, "target;entry;do_call;work;asm_trap;iret": 2,
		}},
		// The interrupt comes once the call instruction is done: helper is called
		// by work, not by the interrupt.
		{"an interrupt before a function's first instruction", []Step{
			run(fnEntry, 3), run(fnCall, 4), run(fnWork, 5), run(fnTrap, 3), run(fnExit, 2), run(fnHelper, 6), run(fnWork+5, 1),
			run(fnCall+4, 2), run(fnEntry+3, 1),
		}, map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;work": 6, "target;entry;do_call;work;helper": 6,
			"target;entry;do_call;work;asm_trap": 3, "target;entry;do_call;work;asm_trap;iret": 2,
		}},
		{"a fault in user mode", []Step{run(fnTrap, 3), run(fnExit, 2), run(fnLoop+0x11, 1), run(fnEntry, 3)}, map[string]uint64{
			"target;loop": 2, "target;asm_trap": 3, "target;asm_trap;iret": 2, "target;entry": 3,
		}},
		{"a syscall that is restarted", []Step{run(fnEntry, 3), run(fnCall, 4), run(fnEntry+3, 1), run(fnLoop+0x11, 1), run(fnEntry, 3)}, map[string]uint64{
			"target;loop": 3, "target;entry": 7, "target;entry;do_call": 4,
		}},
		{"another task, twice", join(
			[]Step{run(fnEntry, 3), run(fnCall, 4), run(fnSwitch, 2), load(supervisor), run(fnSwitch+2, 1), load(0x1234), run(fnCall+4, 2), run(fnServe, 7)},
			[]Step{run(fnEntry, 3), run(fnCall, 4), run(fnSwitch, 2), load(target), run(fnSwitch+2, 1), run(fnCall+4, 2), run(fnEntry+3, 1)},
		), map[string]uint64{
			"target;loop": 2, "target;entry": 4, "target;entry;do_call": 6, "target;entry;do_call;switch_to": 3,
			"another;serve": 7, "another;entry": 3, "another;entry;do_call": 6, "another;entry;do_call;switch_to": 3,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFlow(testCode())
			// The first call shows the flow all tasks.
			for range 3 {
				for _, s := range join(first, before, tt.steps, after) {
					if err := f.Add(s); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(f.calls) != 3 {
				t.Fatalf("%d calls, want 3", len(f.calls))
			}
			c := f.calls[2]
			if diff := cmp.Diff(tt.want, stacks(f, c)); diff != "" {
				t.Errorf("stacks (-want +got):\n%s", diff)
			}
			var sum uint64
			for _, n := range tt.want {
				sum += n
			}
			if c.total != sum {
				t.Errorf("%d instructions, want %d", c.total, sum)
			}
		})
	}
}

// TestFlowCalls: only what the loop keeps is a call.
func TestFlowCalls(t *testing.T) {
	call := []Step{run(fnLoop+0x10, 2), run(fnEntry, 3)}
	tests := []struct {
		name  string
		steps []Step
		want  []uint64
	}{
		{"kept", []Step{call[0], call[1], after[0], after[1]}, []uint64{5}},
		{"not kept", []Step{call[0], call[1], after[0], run(fnLoop+0x30, 3)}, nil},
		{"of a script of two the second is kept", []Step{call[0], call[1], after[0], run(fnLoop, 3), call[0], after[0], after[1]}, []uint64{2}},
		{"no beginning", []Step{call[1], after[0], after[1]}, nil},
		{"no end", []Step{call[0], call[1], after[1]}, nil},
		{"kept once", []Step{call[0], call[1], after[0], after[1], after[1]}, []uint64{5}},
		{"a gap", []Step{call[0], {Gap: true}, call[1], after[0], after[1]}, nil},
		{"another task's end", []Step{
			run(fnEntry, 1), run(fnSwitch, 1), load(7), run(fnSwitch+1, 1),
			call[0], run(fnEntry, 1), run(fnSwitch, 1), load(77), run(fnSwitch+1, 1), after[0], after[1],
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFlow(testCode())
			for _, s := range tt.steps {
				if err := f.Add(s); err != nil {
					t.Fatal(err)
				}
			}
			var got []uint64
			for _, c := range f.calls {
				got = append(got, c.total)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFlowBounds: a kernel that does not behave is not remembered for ever.
func TestFlowBounds(t *testing.T) {
	tests := []struct {
		name string
		next func(i int) []Step
	}{
		{"tasks", func(i int) []Step { return []Step{run(fnSwitch, 1), load(uint64(i)), run(fnEntry, 1)} }},
		{"calls", func(int) []Step { return []Step{before[0], after[0], after[1]} }},
		{"stacks", func(i int) []Step {
			var s []Step
			for bit := range 24 {
				s = append(s, run(fnWork+uint64(i>>bit&1)*0x100, 1), run(fnCall, 1))
			}
			return append(s, run(fnLoop, 1))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFlow(testCode())
			f.lim = limits{frames: 512, nodes: 1000, tasks: 100, calls: 100}
			for i := range 1000 {
				for _, s := range tt.next(i) {
					if err := f.Add(s); err != nil {
						if !errors.Is(err, errFlood) {
							t.Error(err)
						}
						return
					}
				}
			}
			t.Errorf("%d tasks, %d calls, %d stacks", len(f.tasks), len(f.calls), len(f.nodes))
		})
	}
	f := NewFlow(testCode())
	for i := range 10 * defaultLimits.frames {
		if err := f.Add(run(fnCall+uint64(i%2)*0x100, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.now.stack); n != defaultLimits.frames {
		t.Errorf("a stack of %d, want %d", n, defaultLimits.frames)
	}
}

// about is of a row whose samples are totals.
func about(totals ...uint64) About {
	var set []*call
	for _, n := range totals {
		set = append(set, &call{total: n})
	}
	return About{
		Name: "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same", Arch: "amd64", Kernel: "6.12.1", Image: strings.Repeat("a", 64),
		QEMU: "7.2.22", Seed: "1", Samples: hashOf(set),
	}
}

// flowOf is a trace with calls that take so many instructions, two of them in
// the loop, the last in a helper, the rest in work.
func flowOf(t *testing.T, totals ...uint64) *Flow {
	f := NewFlow(testCode())
	for _, n := range totals {
		for _, s := range []Step{first[0], before[0], run(fnEntry, 1), run(fnWork, uint32(n-4)), run(fnHelper, 1), after[0], after[1]} {
			if err := f.Add(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func TestProfile(t *testing.T) {
	f := flowOf(t, 9, 9, 10, 10, 30, 20, 50, 10, 40, 9)
	a := about(30, 20, 50, 40)
	a.Samples = hashOf(f.calls[4:7], f.calls[8:9], nil)
	p, err := f.Profile(a, []Turn{{Native: true, Skip: 1}, {Skip: 1, Calls: 3}, {Native: true, Skip: 1}, {Calls: 1}}, Clock{30, 140})
	if err != nil {
		t.Fatal(err)
	}
	want := &Profile{
		About: a, Calls: 4, Median: 30, All: 140,
		Stacks: []Stack{
			{Task: Target, Frames: []string{"entry", "work"}, Call: 26, All: 124},
			{Task: Target, Frames: []string{"loop"}, User: true, Call: 2, All: 8},
			{Task: Target, Frames: []string{"entry"}, Call: 1, All: 4},
			{Task: Target, Frames: []string{"entry", "work", "helper"}, Call: 1, All: 4},
		},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	// As many calls as there were, one of which was disturbed.
	p, err = f.Profile(about(), []Turn{{Calls: 10}}, Clock{10, 196})
	if err != nil || p.Median != 10 || p.Residue != 1 {
		t.Errorf("a residue: %+v, %v", p, err)
	}
	for _, tt := range []struct {
		name  string
		turns []Turn
		clock Clock
	}{
		{"other samples", []Turn{{Calls: 4}}, Clock{30, 140}},
		{"more calls than there were", []Turn{{Calls: 11}}, Clock{10, 196}},
		{"no calls", nil, Clock{}},
		{"another median", []Turn{{Calls: 10}}, Clock{11, 196}},
	} {
		if _, err := f.Profile(about(), tt.turns, tt.clock); !errors.Is(err, ErrOther) {
			t.Errorf("%s: %v, want %v", tt.name, err, ErrOther)
		}
	}
}

// TestProfileElsewhere: a kernel that is not where its symbols are gives no
// profile, however well the numbers of its calls add up.
func TestProfileElsewhere(t *testing.T) {
	f := NewFlow(testCode())
	for _, s := range []Step{first[0], before[0], run(fnWork+3, 7), after[0], after[1]} {
		if err := f.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	a := about(9)
	_, err := f.Profile(a, []Turn{{Calls: 1}}, Clock{9, 9})
	if !errors.Is(err, errKernel) || !strings.Contains(fmt.Sprint(err), "CONFIG_RANDOMIZE_BASE") {
		t.Errorf("error %v, want %v", err, errKernel)
	}
}
