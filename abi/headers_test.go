package abi_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
)

// compilers are the C compilers for each architecture, and what Debian calls
// the packages that bring one with its headers.
var compilers = map[string]struct{ cc, install string }{
	"amd64":   {"x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu libc6-dev-amd64-cross"},
	"arm64":   {"aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"},
	"riscv64": {"riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"},
}

// object is what testdata/facts.c came to for one architecture.
type object struct {
	facts facts
	insn  []byte // the syscall instruction
}

// newer are the system calls that Debian 12's headers, of Linux 6.1, may not
// have. TestXSys knows them.
var newer = map[string]bool{"nr mseal": true}

// compile compiles testdata/facts.c for a and reads the result.
func compile(t *testing.T, a *abi.Arch) object {
	t.Helper()
	c := compilers[a.Name]
	cc, err := exec.LookPath(c.cc)
	if err != nil && runtime.GOOS == "linux" && runtime.GOARCH == a.Name {
		c.install = "gcc libc6-dev"
		cc, err = exec.LookPath("cc")
	}
	if err != nil {
		if testing.Short() {
			t.Skipf("no C compiler for %s: %v", a.Name, err)
		}
		t.Fatalf("no C compiler for %s: %v; apt-get install %s (-short skips this)", a.Name, err, c.install)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "syscalls.inc"), syscallNames(), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "facts.o")
	cmd := exec.Command(cc, "-Wall", "-Werror", "-I", dir, "-c", "-o", out, "testdata/facts.c")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, msg)
	}
	o, err := readObject(out)
	if err != nil {
		t.Fatalf("read what %v made: %v", cmd, err)
	}
	return o
}

// syscallNames is C that states every system call that any of the tables
// has, as far as the headers have it: one that a table lacks shows as well.
func syscallNames() []byte {
	all := map[string]bool{}
	for _, a := range archs {
		for name := range a.Syscalls {
			all[name] = true
		}
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "#ifdef __NR_%s\n\tFACT(\"nr %[1]s\", __NR_%[1]s)\n#endif\n", name)
	}
	return b.Bytes()
}

func readObject(name string) (object, error) {
	f, err := elf.Open(name)
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	section := func(name string) ([]byte, error) {
		s := f.Section(name)
		if s == nil {
			return nil, fmt.Errorf("no section %s", name)
		}
		return s.Data()
	}
	raw, err := section("abifacts")
	if err != nil {
		return object{}, err
	}
	insn, err := section("abiinsn")
	if err != nil {
		return object{}, err
	}
	// struct fact of testdata/facts.c
	type fact struct {
		Name  [56]byte
		Value uint64
	}
	rows := make([]fact, len(raw)/binary.Size(fact{}))
	if err := binary.Read(bytes.NewReader(raw), f.ByteOrder, rows); err != nil {
		return object{}, err
	}
	o := object{facts{}, insn}
	for _, r := range rows {
		name := string(bytes.TrimRight(r.Name[:], "\x00"))
		if _, ok := o.facts[name]; ok || len(name) == len(r.Name) {
			return object{}, fmt.Errorf("fact %q is there twice or too long", name)
		}
		o.facts[name] = r.Value
	}
	return o, nil
}

// ours is all that headers know something of.
func ours(a *abi.Arch) facts {
	f := wireFacts()
	maps.Copy(f, archFacts(a))
	return f
}

func TestHeaders(t *testing.T) {
	for _, a := range archs {
		t.Run(a.Name, func(t *testing.T) {
			o := compile(t, a)
			wrong, unknown := diff(o.facts, ours(a))
			for _, w := range wrong {
				t.Error(w)
			}
			for _, u := range unknown {
				if !newer[u] {
					t.Errorf("%s: the C program does not say", u)
				}
			}
			if d := cmp.Diff(o.insn, a.SyscallInsn); d != "" {
				t.Errorf("syscall instruction (-assembler +ours):\n%s", d)
			}
		})
	}
}

// TestHeadersCatch shows that TestHeaders can fail: each single fact made
// wrong, or left out, is found, and nothing else is.
func TestHeadersCatch(t *testing.T) {
	for _, a := range archs {
		t.Run(a.Name, func(t *testing.T) {
			theirs := compile(t, a).facts
			for name := range ours(a) {
				if newer[name] {
					continue
				}
				flipped := ours(a)
				flipped[name] ^= 1
				wrong, _ := diff(theirs, flipped)
				if len(wrong) != 1 || !strings.HasPrefix(wrong[0], name+": we say") {
					t.Errorf("flipped %s, found %q", name, wrong)
				}
				missing := ours(a)
				delete(missing, name)
				wrong, _ = diff(theirs, missing)
				if len(wrong) != 1 || !strings.HasPrefix(wrong[0], name+": not in our tables") {
					t.Errorf("left out %s, found %q", name, wrong)
				}
			}
		})
	}
}

// TestHeadersCatchTable is the same one level up: a copy of a table with one
// mistake that a person makes.
func TestHeadersCatchTable(t *testing.T) {
	mistakes := []struct {
		name   string
		spoil  func(a *abi.Arch)
		expect []string // names in what diff finds
	}{
		{"none", func(*abi.Arch) {}, nil},
		{"swapped registers", func(a *abi.Arch) {
			a.Regs[3].Offset, a.Regs[4].Offset = a.Regs[4].Offset, a.Regs[3].Offset
		}, []string{"reg " + archs[0].Regs[3].Name, "reg " + archs[0].Regs[4].Name}},
		{"lost register", func(a *abi.Arch) { a.Regs = a.Regs[:len(a.Regs)-1] }, []string{"regset", "reg gs"}},
		{"number of another architecture", func(a *abi.Arch) {
			a.Syscalls["openat"] = archs[1].Syscalls["openat"]
		}, []string{"nr openat"}},
		{"audit arch of another", func(a *abi.Arch) { a.AuditArch = archs[2].AuditArch }, []string{"auditarch"}},
		{"signal frame", func(a *abi.Arch) { a.SigResultOffset += 8 }, []string{"sigresult"}},
	}
	theirs := compile(t, archs[0]).facts
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			a := *archs[0]
			a.Regs = slices.Clone(a.Regs)
			a.Syscalls = maps.Clone(a.Syscalls)
			m.spoil(&a)
			wrong, _ := diff(theirs, ours(&a))
			var names []string
			for _, w := range wrong {
				name, _, _ := strings.Cut(w, ":")
				names = append(names, name)
			}
			slices.Sort(names)
			slices.Sort(m.expect)
			if d := cmp.Diff(m.expect, names); d != "" {
				t.Errorf("found (-want +got):\n%s", d)
			}
		})
	}
}
