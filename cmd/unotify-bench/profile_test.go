package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/profile"
	"unotify-bench/internal/report"
)

var profilePairsN = flag.Int("profile.pairs", 0, "TestProfilePairs: pairs of runs of one kernel, on each architecture")

// profileRun is a run of one row, of a kernel that can be made slower.
func profileRun(t *testing.T, arch string, more ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "r.txt")
	newCommand(t, vmRun(arch, "continue", path, append([]string{"--kernel", "faulty", "--count", "1"}, more...)...)...).runs(t, exitOK)
	return path
}

// grew is the line of a comparison about one function.
var grew = regexp.MustCompile(`(?m)^ +(\d+) +(\d+) +([-+]\d+)  (\S+) +(\S+)$`)

// TestProfile seeds a slow-down of ten instructions: the comparison names the
// function, and by how much it grew. A trace changes nothing of what is counted.
func TestProfile(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) { testProfile(t, arch) })
	}
}

func testProfile(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	plain := profileRun(t, arch.Name)
	o := profileRun(t, arch.Name, "--profile")
	if diff := cmp.Diff(samples(t, plain), samples(t, o)); diff != "" {
		t.Errorf("to trace a machine changes its samples (-plain +traced):\n%s", diff)
	}
	n := profileRun(t, arch.Name, "--profile", "--fault", "continue_slow")
	var insns [2]float64
	for i, path := range []string{o, n} {
		insns[i], _ = results(t, path).Results[0].Value("insns/op")
	}
	// The scheduler decides by the clock, which runs on for the ten: the call in
	// the middle may then be one that took another way through it. So the median
	// is told, and held to nothing; the function is.
	t.Logf("the row takes %+v instructions more", insns[1]-insns[0])
	c := newCommand(t, "compare", "--profile", o, n)
	c.runs(t, exitOK)
	t.Logf("%s", &c.stdout)
	changes := grew.FindAllStringSubmatch(c.stdout.String(), -1)
	if !slices.ContainsFunc(changes, func(c []string) bool {
		return c[3] == "+10" && c[4] == profile.Target && strings.Contains(c[5], "seccomp_do_user_notification")
	}) {
		t.Errorf("changed are %q, want seccomp_do_user_notification by +10", changes)
	}
	p := readProfile(t, o+profileSuffix, arch.Name)
	if p.Median != uint64(insns[0]) || p.Residue != 0 {
		t.Errorf("the profile has %d instructions and a residue of %d, the row has %v", p.Median, p.Residue, insns[0])
	}
	// What is ours: the loop on one side, the supervisor's loop on the other.
	user := map[string]uint64{}
	for _, s := range p.Stacks {
		if s.User {
			user[s.Task] += s.Call
		}
		if s.Task == profile.Others && s.Call > 0 {
			t.Errorf("neither target nor supervisor take %d: %v", s.Call, s.Frames)
		}
	}
	if want := harnessInsns[arch.Name]; user[profile.Target] != want || user[profile.Supervisor] < 50 || user[profile.Supervisor] > 500 {
		t.Errorf("in user mode: %v; want %d of the target, the loop's own and the trap, and some of the supervisor", user, want)
	}
}

// TestSlowdown has the same slow-down found by its instructions alone, in a pair
// of runs with the usual seeds.
func TestSlowdown(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			before := results(t, profileRun(t, arch.Name, "--count", "5"))
			after := results(t, profileRun(t, arch.Name, "--count", "5", "--fault", "continue_slow"))
			c, err := report.Compare(before, after, report.CompareOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p := c.Pairings[0].Pairs[0]
			t.Logf("%v, then %v instructions: %v", p.Old.Center, p.New.Center, p.Verdict)
			p = p.Decisive()
			if d := p.Diff(); p.Verdict != report.Slower || d < 9 || d > 11 {
				t.Errorf("the row is %v, by %v; want slower by 10 ± 1", p.Verdict, d)
			}
		})
	}
}

func TestProfileUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--profile --on host,amd64", "the host has none"},
		{"--profile --clock wall --on amd64", "takes --clock insns"},
		{"--profile --on amd64 --resume -o x", "does not --resume"},
		{"--profile --on amd64 --syscall execve", "not made one by one"},
		{"--profile --on amd64 --mech continue --sweep targets", "of many targets at once"},
		{"--profile --all --count 5", "boots a machine for each row"},
		{"--profile --series x", "does not go with --series"},
		{"--profile --workload walk", "not of --workload or --program"},
		{"--profile --program ls", "not of --workload or --program"},
		{"--fault continue_slow --on amd64", "--fault is for --kernel faulty"},
		{"--fault redirect_leak --kernel faulty --on amd64", "continue_slow"},
	} {
		status, _, stderr := runHere(append([]string{"run"}, strings.Fields(tt.args)...)...)
		if status != exitUsage || !strings.Contains(stderr, tt.want) {
			t.Errorf("run %s: status %d, %q; want %d and %q", tt.args, status, stderr, exitUsage, tt.want)
		}
	}
}

// harnessInsns is asmstubs.OverheadInsns of each architecture, and the trap.
var harnessInsns = map[string]uint64{"amd64": 7, "arm64": 2, "riscv64": 2}

func readProfile(t *testing.T, dir, arch string) *profile.Profile {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, arch+"-continue-getppid"+pprofSuffix))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := profile.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProfilePairs compares many pairs of runs of the same kernel.
func TestProfilePairs(t *testing.T) {
	if *profilePairsN == 0 {
		t.Skip("takes some 15 s a pair and architecture: -profile.pairs 50")
	}
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			for i := range *profilePairsN {
				c := newCommand(t, "compare", "--profile", profileRun(t, arch.Name, "--profile"), profileRun(t, arch.Name, "--profile"))
				c.runs(t, exitOK)
				if !strings.Contains(c.stdout.String(), "\nno function changed: ") {
					t.Fatalf("pair %d:\n%s", i+1, &c.stdout)
				}
			}
		})
	}
}

// TestProfileGuests: the guests' programs have the loop that profiles look for.
func TestProfileGuests(t *testing.T) {
	for _, arch := range arches() {
		needGuests(t, arch.Name)
		path := filepath.Join(filepath.Dir(commandFile(t)), "unotify-bench-linux-"+arch.Name)
		if _, err := profile.FindMarks(path); err != nil {
			t.Errorf("%s: %v", arch.Name, err)
		}
	}
}

func TestProfileFileName(t *testing.T) {
	for _, tt := range []struct {
		cell bench.Cell
		want string
	}{
		{bench.Cell{Mech: "continue", Syscall: "getppid", Wake: "sync", CPUs: "same"}, "amd64-continue-getppid"},
		{bench.Cell{Mech: "continue", Syscall: "getppid", Wake: "async", CPUs: "same"}, "amd64-continue-getppid-async"},
		{bench.Cell{Mech: "native", Syscall: "bind", Addr: "unix", CPUs: "same"}, "amd64-native-bind-unix"},
		{bench.Cell{Mech: "reply", Syscall: "write", Bytes: 64, Wake: "sync", CPUs: "same"}, "amd64-reply-write-bytes64"},
	} {
		if got := fileName("amd64", tt.cell); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.cell.Name(), got, tt.want)
		}
	}
	// No two rows of the short or the long table share their files.
	mechs, _ := bench.SelectMechanisms(nil)
	cases, _ := bench.SelectCases(nil)
	seen := map[string]string{}
	for _, c := range bench.Cells(mechs, cases) {
		name := fileName("amd64", c)
		if other := seen[name]; other != "" && c.CPUs == "same" {
			t.Errorf("%s and %s are both %s", other, c.Name(), name)
		}
		if c.CPUs == "same" {
			seen[name] = c.Name()
		}
	}
}

// TestProfilePairsOf finds what to compare.
func TestProfilePairsOf(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"old.txt", "alone.txt", "old.txt.profile/a.pb.gz", "old.txt.profile/gone.pb.gz", "new[1]/a.pb.gz", "new[1]/come.pb.gz", "new[1]/a.svg", "empty/x"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		o, n   string
		pairs  [][2]string
		lonely []string
		want   string // part of the error
	}{
		{o: "old.txt", n: "new[1]", pairs: [][2]string{{"old.txt.profile/a.pb.gz", "new[1]/a.pb.gz"}}, lonely: []string{"new[1]/come.pb.gz", "old.txt.profile/gone.pb.gz"}},
		{o: "x.pb.gz", n: "y.pb.gz", pairs: [][2]string{{"x.pb.gz", "y.pb.gz"}}},
		{o: "x.pb.gz", n: "new[1]", want: "name two of a kind"},
		{o: "alone.txt", n: "new[1]", want: "alone.txt has no profiles beside it: measure with run --profile"},
		{o: "nowhere", n: "new[1]", want: "no such file"},
		{o: "old.txt", n: "empty", want: "have no profile of the same row"},
	}
	for _, tt := range tests {
		pairs, lonely, err := profilePairs(tt.o, tt.n)
		slices.Sort(lonely)
		if diff := cmp.Diff(tt.pairs, pairs) + cmp.Diff(tt.lonely, lonely); tt.want == "" && (diff != "" || err != nil) {
			t.Errorf("%s, %s: %v (-want +got):\n%s", tt.o, tt.n, err, diff)
		}
		if tt.want != "" && (err == nil || exitStatus(err) != exitUsage || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s, %s: error %v, want %q", tt.o, tt.n, err, tt.want)
		}
	}
}
