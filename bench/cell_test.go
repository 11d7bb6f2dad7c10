package bench

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		cell Cell
		want string
	}{
		{Cell{Mech: "native", Syscall: "getppid", CPUs: "same"}, "Notify/mech=native/syscall=getppid/cpus=same"},
		{Cell{Mech: "reply", Syscall: "bind", Addr: "unix", Wake: "sync", CPUs: "cross"}, "Notify/mech=reply/syscall=bind/addr=unix/wake=sync/cpus=cross"},
		{Cell{Mech: "ptrace-freeze", Syscall: "write", Bytes: 64, Peers: 4, CPUs: "free"}, "Notify/mech=ptrace-freeze/syscall=write/bytes=64/peers=4/cpus=free"},
	} {
		if got := tt.cell.Name(); got != tt.want {
			t.Errorf("name %s, want %s", got, tt.want)
		}
	}
	seen := map[string]bool{}
	for _, c := range Cells(Mechanisms(), Cases()) {
		if seen[c.Name()] {
			t.Errorf("two cells are called %s", c.Name())
		}
		seen[c.Name()] = true
	}
}

// TestSelect: names choose, in table order; an unknown one is answered with
// those that exist.
func TestSelect(t *testing.T) {
	mechs := func(names ...string) (string, error) {
		ms, err := SelectMechanisms(names)
		var got []string
		for _, m := range ms {
			got = append(got, m.Name)
		}
		return strings.Join(got, " "), err
	}
	cases := func(names ...string) (string, error) {
		cs, err := SelectCases(names)
		var got []string
		for _, c := range cs {
			got = append(got, strings.TrimSuffix(c.Syscall+"-"+c.Addr, "-"))
		}
		return strings.Join(got, " "), err
	}
	for _, tt := range []struct {
		name string
		pick func(...string) (string, error)
		args []string
		want string
		errs []string
	}{
		{"mechanisms", mechs, []string{"reply", "native"}, "native reply", nil},
		{"mechanism twice", mechs, []string{"reply", "reply"}, "reply", nil},
		{"unknown mechanism", mechs, []string{"native", "repl"}, "", []string{`"repl"`, "native", "ptrace-freeze"}},
		{"empty mechanism", mechs, []string{""}, "", []string{`""`, "known"}},
		{"syscalls", cases, []string{"bind", "getppid"}, "getppid bind-inet bind-unix", nil},
		{"unknown syscall", cases, []string{"getppid", "getpid"}, "", []string{`"getpid"`, "getppid, openat", "connect"}},
	} {
		got, err := tt.pick(tt.args...)
		if got != tt.want && tt.errs == nil {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if (err != nil) != (tt.errs != nil) {
			t.Errorf("%s: error %v", tt.name, err)
			continue
		}
		for _, part := range tt.errs {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not say %s: %v", tt.name, part, err)
			}
		}
	}
	for _, all := range []struct {
		name      string
		got, want int
	}{
		{"mechanisms", func() int { m, _ := SelectMechanisms(nil); return len(m) }(), len(Mechanisms())},
		{"cases", func() int { c, _ := SelectCases(nil); return len(c) }(), len(Cases())},
	} {
		if all.got != all.want {
			t.Errorf("without a name %d %s are selected, want all %d", all.got, all.name, all.want)
		}
	}
}

// TestTable: every mechanism of the design is there, in its order, and
// described.
func TestTable(t *testing.T) {
	var names []string
	for _, m := range product() {
		names = append(names, m.Name)
	}
	table := []string{
		"native", "allow", "errno", "sigsys", "reply", "continue", "continue-read", "addfd",
		"inject", "target-call", "target-call-send", "redirect", "redirect-cold",
		"ptrace-seccomp", "ptrace-syscall", "ptrace-freeze",
	}
	if d := cmp.Diff(table, names); d != "" {
		t.Errorf("mechanisms (-want +got):\n%s", d)
	}
	ranks := map[int]string{}
	for _, m := range product() {
		if m.Doc == "" {
			t.Errorf("%s has no description", m.Name)
		}
		if other, ok := ranks[m.Rank]; ok {
			t.Errorf("%s and %s want the same place in the table", m.Name, other)
		}
		ranks[m.Rank] = m.Name
	}
	var got []string
	for _, c := range Cases() {
		if c.Doc == "" {
			t.Errorf("%s has no description", c.Syscall)
		}
		if n := len(got); n == 0 || got[n-1] != c.Syscall {
			got = append(got, c.Syscall)
		}
	}
	want := []string{"getppid", "openat", "write", "bind", "connect", "execve"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("syscalls (-want +got):\n%s", d)
	}
}

// TestCells: a listener has both wake-ups, the others none, and every cell
// three placements.
func TestCells(t *testing.T) {
	cells := Cells([]*Mechanism{FindMechanism("native"), FindMechanism("reply")}, []*Case{Cell{Syscall: "getppid"}.findCase()})
	var got []string
	for _, c := range cells {
		got = append(got, strings.TrimPrefix(c.Name(), "Notify/mech="))
	}
	want := []string{
		"native/syscall=getppid/cpus=same", "native/syscall=getppid/cpus=cross", "native/syscall=getppid/cpus=free",
	}
	for _, cpus := range []string{"same", "cross", "free"} {
		want = append(want, "reply/syscall=getppid/wake=sync/cpus="+cpus, "reply/syscall=getppid/wake=async/cpus="+cpus)
	}
	less := func(s []string) map[string]bool {
		m := map[string]bool{}
		for _, x := range s {
			m[x] = true
		}
		return m
	}
	if d := cmp.Diff(less(want), less(got)); d != "" || len(got) != len(want) {
		t.Errorf("%d cells (-want +got):\n%s", len(got), d)
	}
	for _, c := range []Cell{{Mech: "nobody", Syscall: "getppid"}, {Mech: "native", Syscall: "getpid"}, {Mech: "native", Syscall: "write", Bytes: 3}} {
		if why := c.Unable(); !strings.HasPrefix(why, "unknown") {
			t.Errorf("%s: unable %q", c.Name(), why)
		}
	}
}
