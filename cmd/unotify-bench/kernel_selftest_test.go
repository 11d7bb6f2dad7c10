package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/kernel"
)

// skippedTests are those that these kernels have no configuration for.
// CONFIG_CHECKPOINT_RESTORE would bring all of them, and costs a call nothing.
var skippedTests = []string{
	"global.kcmp", "global.get_metadata", "O_SUSPEND_SECCOMP.setoptions", "O_SUSPEND_SECCOMP.seize",
}

// TestSelftests runs the kernel's own selftests on stock and patched: what
// passes on one passes on the other.
func TestSelftests(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) { testSelftests(t, arch) })
	}
}

func testSelftests(t *testing.T, arch *abi.Arch) {
	b := &kernel.Builder{}
	programs, err := b.Selftests(t.Context(), arch)
	if err != nil {
		t.Fatal(err)
	}
	init := filepath.Join(t.TempDir(), "init")
	goTool(t, arch.Name, "build", "-trimpath", "-ldflags=-s -w", "-o", init, ".")
	ran := map[kernel.Variant][]verdict{}
	for _, v := range []kernel.Variant{kernel.Stock, kernel.Patched} {
		img, err := b.Build(t.Context(), arch, v)
		if err != nil {
			t.Fatal(err)
		}
		ran[v], err = runSelftests(t.Context(), img, init, programs, func(string) {})
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		for _, v := range ran[v] {
			if v.Result == resultFailed {
				t.Errorf("%s: %s %s failed: %s", img.Release, v.Program, v.Test, v.Why)
			}
		}
	}
	common := map[kernel.Variant][]verdict{}
	for variant, vs := range ran {
		for _, v := range vs {
			switch v.Program {
			case "seccomp_bpf", "seccomp_benchmark":
				v.Why = "" // it may name a process
				common[variant] = append(common[variant], v)
			default:
				// It is ours, and tells the kernels apart.
				if want := map[kernel.Variant]string{kernel.Stock: resultSkip, kernel.Patched: resultOK}[variant]; v.Result != want {
					t.Errorf("%s: %s %s is %q, want %q: %s", variant, v.Program, v.Test, v.Result, want, v.Why)
				}
			}
		}
	}
	if diff := cmp.Diff(common[kernel.Stock], common[kernel.Patched]); diff != "" {
		t.Errorf("verdicts (-stock +patched):\n%s", diff)
	}
	checkSelftests(t, common[kernel.Stock])
}

// checkSelftests checks that the tests were there, and ran.
func checkSelftests(t *testing.T, verdicts []verdict) {
	t.Helper()
	ran, notifications := 0, 0
	var skipped []string
	for _, v := range verdicts {
		switch {
		case v.Result == resultSkip:
			skipped = append(skipped, v.Test)
		case v.Result != resultOK:
			t.Errorf("%s %s is %q", v.Program, v.Test, v.Result)
		case strings.HasPrefix(v.Test, "global.user_notification_"):
			notifications++
			fallthrough
		default:
			ran++
		}
	}
	slices.Sort(skipped)
	if diff := cmp.Diff(slices.Sorted(slices.Values(skippedTests)), skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	// 102 and 19 in 6.12.117.
	if ran < 100 || notifications < 19 {
		t.Errorf("%d tests ran, %d of notifications; that is too few", ran, notifications)
	}
}

// TestSelftestOutput plays a guest.
func TestSelftestOutput(t *testing.T) {
	asked := [][]string{{"a"}, {"b", "1"}}
	const a, b = "selftest a", "selftest b"
	for _, tt := range []struct {
		name   string
		events []string // kind and text
		want   []verdict
		err    string // part of it
	}{
		{"both", []string{a, "out 1..1", "out ok 1 x", b, "out 1..1", "out not ok 1 y"}, []verdict{{"a", "x", "ok", ""}, {"b", "y", "not ok", ""}}, ""},
		{"the first dies", []string{a, "out 1..1", b, "out 1..1", "out ok 1 y"},
			[]verdict{{"a", "a", "not ok", "1 tests were announced, and it ended after 0"}, {"b", "y", "ok", ""}}, ""},
		{"stranger", []string{"selftest c"}, nil, `guest sent "selftest": "c", which was not asked for`},
		{"swapped", []string{b}, nil, "not asked for"},
		{"twice", []string{a, a}, nil, "not asked for"},
		{"early", []string{"out 1..1"}, nil, "not asked for"},
		{"kind", []string{"row x"}, nil, "not asked for"},
		{"complaint", []string{"err \x1b[2J"}, nil, `guest: "\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := selftestOutput{asked: asked, onLine: func(string) {}}
			var err error
			for _, e := range tt.events {
				kind, text, _ := strings.Cut(e, " ")
				data, _ := json.Marshal(text)
				if err = o.event(kernel.Event{Kind: kind, Data: data}); err != nil {
					break
				}
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, append(o.verdicts, o.now.end()...)); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShowVerdicts(t *testing.T) {
	img := &kernel.Image{Arch: arches()[1], Release: "6.12.1"}
	verdicts := []verdict{{"p", "a", "ok", ""}, {"p", "b", "not ok", "one\ntwo"}, {"p", "c", "SKIP", "none"}, {"p", "d", "ok", ""}}
	for _, quiet := range []bool{false, true} {
		var out bytes.Buffer
		a := &app{stdout: &out, quiet: quiet}
		failed := a.showVerdicts(img, verdicts)
		want := "arm64 (Linux 6.12.1)\n  ok      p  a\n  not ok  p  b\n            one\n            two\n  SKIP    p  c\n            none\n  ok      p  d\n" +
			"arm64: 4 tests: 1 SKIP, 1 not ok, 2 ok\n"
		if quiet {
			want = strings.NewReplacer("  ok      p  a\n", "", "  ok      p  d\n", "").Replace(want)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" || failed != 1 {
			t.Errorf("quiet %v: %d failed, printed (-want +got):\n%s", quiet, failed, diff)
		}
	}
}

func TestSelftestUsage(t *testing.T) {
	for _, args := range [][]string{{"--on", "host"}, {"--on", "sparc"}, {"--kernel", "nonsense"}, {"--on", "arm64", "--kernel", "./go.mod"}, {"surplus"}} {
		status, out, complaints := runHere(append([]string{"kernel", "selftest"}, args...)...)
		if status != exitUsage || out != "" || complaints == "" {
			t.Errorf("%v: exit status %d, stdout %q, stderr %q; want status %d and a complaint", args, status, out, complaints, exitUsage)
		}
	}
}

// TestSelftestCommand runs the command as a porter does.
func TestSelftestCommand(t *testing.T) {
	needGuests(t, "riscv64")
	c := newCommand(t, "kernel", "selftest", "--on", "riscv64", "--kernel", "patched", "--quiet")
	c.runs(t, exitOK)
	if n := countLines(c.stdout.String(), "riscv64: ", fmt.Sprintf(" %d SKIP", len(skippedTests))); n != 1 || c.stderr.Len() > 0 {
		t.Errorf("stderr %q; no line with the sum in:\n%s", &c.stderr, &c.stdout)
	}
}
