package fuzz

import (
	"flag"
	"os"
	"os/signal"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
	"unotify-bench/internal/leak"
)

func TestMain(m *testing.M) {
	Main()
	flag.Parse()
	os.Exit(leak.Tests{M: m}.Run())
}

// run does what is ordered, which must be free of findings.
func run(t *testing.T, o Order) (last Count) {
	t.Helper()
	o.Patient, o.Dir = time.Minute, t.TempDir()
	found := 0
	err := Run(t.Context(), o, func(e Event) error {
		if e.Finding != nil {
			if found++; found < 5 {
				t.Errorf("%v, with filter %q\n%s", e.Finding, FilterNames(e.Finding.Filter), e.Finding.Program)
			}
		}
		if e.Count != nil {
			last = *e.Count
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", last)
	return last
}

// kernelHas is what this kernel can do, and filters of it.
func kernelHas(t *testing.T) model.Features {
	t.Helper()
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	return tools.kernel
}

// TestEvery: this kernel agrees with the model on every sequence of three.
func TestEvery(t *testing.T) {
	last := run(t, Order{Length: 3, Part: 1, Parts: 1})
	if want := Sequences(3, kernelHas(t)); last.Programs != want {
		t.Errorf("%d sequences were tried, want %d", last.Programs, want)
	}
}

// TestRandom: it does on programs by chance, with races.
func TestRandom(t *testing.T) {
	last := run(t, Order{Ops: 5000, Seed: 1})
	if last.Ops < 5000 || last.Situations < 1000 {
		t.Errorf("%d operations have shown %d situations: that is too little", last.Ops, last.Situations)
	}
}

// TestCorpus: what was kept is done first, as it was, and then gone on from.
func TestCorpus(t *testing.T) {
	kept := []string{"# filter\npoll\nrecv plain\n", "# filter killable\ntrap 0 openat\nrecv plain\nsend newest continue\n"}
	var begun []string
	err := Run(t.Context(), Order{Ops: 500, Seed: 1, Corpus: []string{kept[1], kept[0]}, Patient: time.Minute}, func(e Event) error {
		if e.Begins != nil {
			p, err := Parse(e.Begins.Program)
			if err != nil {
				t.Error(err)
			}
			begun = append(begun, Kept{p, e.Begins.Filter}.String())
		}
		if e.Finding != nil {
			t.Error(e.Finding)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(begun) < 3 {
		t.Fatalf("begun are %q", begun)
	}
	if diff := cmp.Diff(kept, begun[:2]); diff != "" {
		t.Errorf("what is done first (-kept +done):\n%s", diff)
	}
}

// TestParts: parts of all sequences are all of them.
func TestParts(t *testing.T) {
	total := int64(0)
	for part := range 3 {
		total += run(t, Order{Length: 2, Part: part + 1, Parts: 3}).Programs
	}
	if want := Sequences(2, kernelHas(t)); total != want {
		t.Errorf("three parts are %d sequences, want %d", total, want)
	}
}

// TestEnds: every situation, each end, and every operation then and at the time.
func TestEnds(t *testing.T) {
	last := run(t, Order{Ends: true})
	if want := int64(Endings(kernelHas(t))); last.Programs != want {
		t.Errorf("%d programs have an end, want %d", last.Programs, want)
	}
}

// TestText: a program is read as it is written.
func TestText(t *testing.T) {
	p := Program{{{Do: model.Trap, Call: model.Write}}, {{Do: model.Recv}, {Do: model.Send, Ref: model.NextID, How: model.SendUnknown}}}
	got, err := Parse("# a comment\n\n" + p.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"trap 0", "recv plain | recv plain | recv plain", "recv plain |"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	for text, want := range map[string]Filter{"": 0, "redirect": model.Redirect, "redirect,killable": model.Redirect | model.Killable} {
		if f, err := ParseFilter(text); err != nil || f != want || FilterNames(f) != text {
			t.Errorf("filter %q is %v, %v, which is %q", text, f, err, FilterNames(f))
		}
	}
	if _, err := ParseFilter("bogus"); err == nil {
		t.Error("a filter can be bogus")
	}
}

// TestShrink takes away all but what a finding needs. What is found is a model
// that is wrong: it knows of a pin that is not there.
func TestShrink(t *testing.T) {
	runtime.LockOSThread() // which is interrupted, as a worker's is
	defer runtime.UnlockOSThread()
	if err := interruptible(); err != nil {
		t.Fatal(err)
	}
	defer signal.Reset(interrupts)
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	// A kernel without INJECT, of which the model believes that it has it.
	if tools.kernel.Has(model.Inject) {
		t.Skip("this kernel has INJECT, which the wrong model is to believe in")
	}
	tools.kernel |= model.Inject
	r := &runner{tools: tools, health: &health{log: -1, kmemleak: -1}, emit: func(Event) error { return nil }}
	defer r.leave()
	p, err := Parse("poll\ntrap 0 getppid\ntrap 1 openat | set-flags none\nrecv plain\nrecv plain\nid-valid newest plain\ninject newest openat plain\nsend newest value")
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.try(0, p)
	if err != nil || f == nil {
		t.Fatalf("nothing is found: %v", err)
	}
	if f, err = r.shrink(0, p, f); err != nil {
		t.Fatal(err)
	}
	if want := "inject newest openat plain\n"; f.Program != want {
		t.Errorf("the finding is as short as\n%swant\n%s", f.Program, want)
	}
}

// TestGenerator: an order is known again, whatever its seed or part is, and only what it
// is made of makes another one of it.
func TestGenerator(t *testing.T) {
	chance := Order{Ops: 5, Seed: 1}
	sequences := Order{Length: 3, Part: 1, Parts: 2}
	seen := map[string]bool{}
	for _, o := range []Order{chance, sequences, {Ends: true}, {Length: 3, Ops: 5}} {
		seen[o.Generator()] = true
	}
	if len(seen) != 4 {
		t.Errorf("four kinds of orders have %d generators", len(seen))
	}
	for _, o := range []Order{{Ops: 7, Seed: 2}, {Length: 4, Part: 2, Parts: 2}} {
		if !seen[o.Generator()] {
			t.Errorf("%+v has a generator of its own", o)
		}
	}
}

// TestFilled: memory of the supervisor that a call has not filled, or with something else, is
// not what it gives.
func TestFilled(t *testing.T) {
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	w := &world{tools: tools}
	for _, tt := range []struct {
		how  uint8
		fill func(b []byte) error
		ret  int64
	}{
		{model.CallRead, func(b []byte) error { clear(b); return nil }, model.ReadSize},
		{model.CallFstat, func(b []byte) error {
			return unix.Fstat(int(tools.zero.Fd()), (*unix.Stat_t)(unsafe.Pointer(&b[0])))
		}, 0},
	} {
		o := model.Op{Do: model.DoTargetCall, How: tt.how}
		b := w.out(o)
		if got := w.filled(o, b, tt.ret); got != -1 {
			t.Errorf("%v has filled nothing, and gives %d", o, got)
		}
		if err := tt.fill(b); err != nil {
			t.Fatal(err)
		}
		if got := w.filled(o, b, tt.ret); got != int32(tt.ret) {
			t.Errorf("%v gives %d, want %d", o, got, tt.ret)
		}
		if got := w.filled(o, b, tt.ret+1<<32); got != -1 {
			t.Errorf("%v gives what is no int, and that is %d", o, got)
		}
		b[len(b)-1] ^= 1
		if got := w.filled(o, b, tt.ret); got != -1 {
			t.Errorf("%v has filled the last byte wrongly, and gives %d", o, got)
		}
	}
}

// TestApart: a program finds no filter of another one's that would matter.
func TestApart(t *testing.T) {
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{tools: tools, health: &health{kmemleak: -1}, emit: func(Event) error { return nil }}
	defer tools.close()
	defer r.leave()
	for _, text := range []string{"filter 0 plain\n", "filter 1 plain\nfilter 0 sync\n", "filter 0 plain\nfilter 1 log\n", "poll\n"} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := r.try(0, p); f != nil || err != nil {
			t.Fatalf("%s%v, %v", text, f, err)
		}
		if err := r.enter(0); err != nil {
			t.Fatal(err)
		}
		if r.world.state.Apart != [model.Tasks]bool{} {
			t.Errorf("after %q a task has filters that the other has not", text)
		}
	}
}
