package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"unotify-bench/kernel"
)

// followed says what becomes of a command line of docs/.
type followed struct {
	line   string   // as the page has it, but for what # says; "" is every line of the page
	short  []string // what is replaced by what, in pairs, so that it takes seconds
	status int      // exit status
	says   string   // is in the output
	by     string   // or it is executed elsewhere: by this test
}

// shortRun is for rows of which one number is enough.
var shortRun = []string{" -o ", " --count 1 --quiet -o "}

// pages are all command lines of docs/, by page. A page's lines are executed in the
// order in which it has them.
var pages = map[string][]followed{
	"install.md": {{by: "TestDist"}},
	"lava.md":    {{by: "TestLava"}},
	"users.md": {
		{line: "make host && bin/unotify-bench doctor --on host"},
		{line: "unotify-bench probe --on host", says: "works"},
		{line: "unotify-bench run --on host --quick -o mine.txt", short: []string{" -o ", " --mech native,continue,reply --syscall getppid -o "}, says: "×cont"},
		{line: "unotify-bench abi --on host", short: []string{"host", "host --mech reply"}, says: "checks: "},
		{line: "unotify-bench run --on amd64 --mech continue,reply --syscall openat -o insns.txt", short: shortRun, says: "insns"},
		{line: "unotify-bench report mine.txt insns.txt -o page.html"},
		{line: "unotify-bench compare insns.txt results/amd64.txt", says: "continue openat"},
	},
	"method.md": {
		// It compiles perf, for minutes. The test has its competitors compete.
		{line: "unotify-bench doctor --peer", by: "TestCompete"},
		{line: "unotify-bench run --on amd64 --mech native,continue --syscall getppid -o a.txt", short: shortRun, says: "insns"},
		{line: "unotify-bench run --on amd64 --mech native,continue --syscall getppid -o b.txt", short: shortRun, says: "insns"},
		{line: "unotify-bench compare a.txt b.txt", says: "2 rows: 2 unchanged"},
	},
	"patch-authors.md": {
		// Kernels take minutes to build: the two are there.
		{line: "make O=../base bzImage", by: "TestDebugBisect"},
		{line: "make O=../head bzImage", by: "TestDebugBisect"},
		{line: "unotify-bench run --on amd64 --kernel ../base/arch/x86/boot/bzImage --mech native,continue,reply --syscall getppid,openat -o base.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench run --on amd64 --kernel ../head/arch/x86/boot/bzImage --mech native,continue,reply --syscall getppid,openat -o head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench compare base.txt head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench compare --format mail --mech continue --syscall openat base.txt head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench compare --format markdown -o table.md base.txt head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench compare --gate 1% --mech continue,reply base.txt head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench stability base.txt head.txt", by: "TestPatchAuthors"},
		{line: "unotify-bench run --on amd64 --series my-patches --mech native,continue --syscall getppid -o steps", by: "TestSeriesMachines"},
		{line: "unotify-bench run --on amd64 --series v6.12..my-branch --source ~/linux", by: "TestCommitSteps"},
		{line: "unotify-bench run --on amd64 --kernel . --mech continue --syscall getppid -o ../good.txt", by: "TestDebugBisect"},
		{line: "git bisect start BAD GOOD", by: "TestDebugBisect"},
		{line: "git bisect run unotify-bench bisect --good ../good.txt --limit 5%", by: "TestBisectMachines"},
		{line: "ARCH=amd64 BASE=base/bzImage HEAD=head/bzImage GATE=5% tools/ci/action", short: []string{
			"ARCH=", "PROGRAM=$PWD/bin/unotify-bench COUNT=4 MECH=native SYSCALL=getppid OUT=action ARCH=",
			"=base/bzImage", "=../base/arch/x86/boot/bzImage", "=head/bzImage", "=../head/arch/x86/boot/bzImage",
		}},
		{line: "unotify-bench run --profile --on amd64 --kernel ../base/arch/x86/boot/bzImage --mech continue --syscall getppid -o base-profile.txt", says: "one call: "},
		{line: "unotify-bench run --profile --on amd64 --kernel ../head/arch/x86/boot/bzImage --mech continue --syscall getppid -o head-profile.txt", says: "one call: "},
		{line: "unotify-bench compare --profile base-profile.txt head-profile.txt", says: "change  task        function"},
		// Its server would stay.
		{line: "go tool pprof -http : base-profile.txt.profile/amd64-continue-getppid.pb.gz", short: []string{"-http :", "-top"}, says: "seccomp_notify_ioctl"},
		{line: "go tool pprof -top -diff_base base-profile.txt.profile/amd64-continue-getppid.pb.gz head-profile.txt.profile/amd64-continue-getppid.pb.gz", says: "flat%"},
		{line: "unotify-bench run --on host --count 10 -o before.txt", short: []string{"10", "2 --mech native,continue --syscall getppid"}, says: "×cont"},
	},
	"porting.md": {
		// A test installs nothing that its user has not asked for.
		{line: "make && bin/unotify-bench doctor --install", short: []string{" --install", ""}},
		{line: "unotify-bench abi --on arm64 --kernel ~/linux/arch/arm64/boot/Image", short: []string{"abi ", "abi --mech reply "}, says: "checks: "},
		{line: "unotify-bench kernel config --on riscv64", says: "CONFIG_VIRTIO_CONSOLE=y"},
		// The board is this machine.
		{line: "./unotify-bench-linux-riscv64 probe --on host", short: thisBoard, says: "works"},
		{line: "./unotify-bench-linux-riscv64 abi --on host --format ktap", short: append([]string{"abi ", "abi --mech reply "}, thisBoard...), says: "KTAP version 1"},
		{line: "./unotify-bench-linux-riscv64 run --on host --quick --format benchfmt", short: append([]string{"run ", "run --mech native,reply --syscall getppid "}, thisBoard...), says: "BenchmarkNotify/mech=reply"},
		{line: "mkdir initramfs && cp bin/unotify-bench-linux-riscv64 initramfs/init", by: "TestBoardPage"},
		{line: "(cd initramfs && echo init | cpio -o -H newc) > initramfs.cpio", by: "TestBoardPage"},
		{line: "qemu-system-riscv64 -M virt -m 512 -nographic -no-reboot -initrd initramfs.cpio -kernel $(unotify-bench kernel path --on riscv64) -append 'console=ttyS0 loglevel=4 -- abi --on host'", by: "TestBoardPage"},
		{line: "cp -r kernel/selftest/unotify ~/linux/tools/testing/selftests/", by: "TestPortingKselftest"},
		{line: "cp bin/unotify-bench ~/linux/tools/testing/selftests/unotify/", by: "TestPortingKselftest"},
		{line: "make -C ~/linux/tools/testing/selftests TARGETS=unotify run_tests", by: "TestPortingKselftest"},
		{line: "make -C ~/linux/tools/testing/selftests TARGETS=unotify KSFT_INSTALL_PATH=$HOME/kselftest install", by: "TestPortingKselftest"},
		{line: "~/kselftest/run_kselftest.sh -c unotify", by: "TestPortingKselftest"},
		{line: "unotify-bench abi --on host --format ktap | ~/linux/tools/testing/kunit/kunit.py parse", by: "TestPortingKselftest"},
		{line: "make -s -C ~/linux/tools/testing/selftests TARGETS=unotify run_tests | sed 's/^# //' | ~/linux/tools/testing/kunit/kunit.py parse", by: "TestPortingKselftest"},
		{line: "unotify-bench abi race --on riscv64 --kernel ~/linux/arch/riscv/boot/Image", short: []string{"race ", "race --mech redirect --attack thread --tries 1000 "}, says: " holds"},
		{line: "./unotify-bench-linux-riscv64 abi race --on host", short: append([]string{"race ", "race --tries 20000 "}, thisBoard...), says: "continue-read"},
	},
	"reliability.md": {
		{line: "unotify-bench fuzz --on host", short: []string{"host", "host --length 1 --ops 200"}},
		{line: "unotify-bench fuzz --on host --length 4 --ops 0", short: []string{"4", "3"}, says: " 3291 "},
		{line: "unotify-bench fuzz --on arm64 --kernel patched --length 2 --ops 3000", short: []string{"2 --ops 3000", "1 --ops 100"}},
		{line: "unotify-bench fuzz --on riscv64 --kernel patched --length 2 --ops 3000", short: []string{"2 --ops 3000", "1 --ops 100"}},
		{line: "unotify-bench fuzz --on amd64 --fault inject_twice", by: "TestFuzzMachines"},
		{line: "unotify-bench fuzz --on amd64 --fault inject_warns --length 0 --ops 8000", by: "TestFuzzMachines"},
		{line: "unotify-bench fuzz --on amd64 --kernel debug-faulty --fault inject_leak --length 0 --ops 1500", by: "TestDebug"},
		{line: "go test ./abi/fuzz -run TestEnds -v", by: "TestEnds"},
		{line: "unotify-bench fuzz --on host --length 0 --ops 60000 --seed 4", short: []string{"60000", "200"}},
		// Not everybody has kernels with KASAN, or a day.
		{line: "for on in amd64 arm64 'riscv64 --cpus 1'; do for part in $(seq 20); do unotify-bench fuzz --on $on --length 5 --ops 0 --part $part/20 --ledger results/fuzz/ledger.jsonl; done; done", short: []string{"amd64 arm64 'riscv64 --cpus 1'", "host", "20", "2", "length 5", "length 2", "results/fuzz/", ""}, says: "in 223 programs on host"},
		{line: "for on in amd64 arm64 'riscv64 --cpus 1'; do for seed in $(seq 401 410); do unotify-bench fuzz --on $on --length 0 --ops 50000 --seed $seed --ledger results/fuzz/ledger.jsonl; done; done", short: []string{"amd64 arm64 'riscv64 --cpus 1'", "host", "410", "402", "50000", "200", "results/fuzz/", ""}, says: "on host, 0 findings"},
		{line: "for on in arm64 'riscv64 --cpus 1'; do unotify-bench fuzz --on $on --length 4 --ops 0 --ledger results/fuzz/ledger.jsonl; done", short: []string{"arm64 'riscv64 --cpus 1'", "host", "length 4", "length 2", "results/fuzz/", ""}, says: " 223 "},
		{line: "unotify-bench fuzz --on amd64 --kernel patched --length 0 --ops 0 --ends", short: []string{"--ends", "--ends --part 1/200"}},
		{line: "go test ./cmd/unotify-bench -run TestFaultKills -v -timeout 5h -faults.n 100 -faults.tables $PWD/results/faults", by: "TestFaultKills"},
		{line: "go test ./cmd/unotify-bench -run TestFaultStops -v -timeout 5h -faults.n 12 -faults.stop 60s", by: "TestFaultStops"},
		{line: "go test ./cmd/unotify-bench -run TestFaultFights -v -timeout 5h -faults.n 30", by: "TestFaultFights"},
		{line: "go test ./cmd/unotify-bench -run TestFaultDisk -v -timeout 5h -faults.n 30", by: "TestFaultDisk"},
		{line: "go test ./cmd/unotify-bench -run TestFaultClock -v -timeout 5h", by: "TestFaultClock"},
		{line: "go test ./kernel -run 'TestDamage$' -v -damage.n 500", by: "TestDamage"},
		{line: "go test ./cmd/unotify-bench -run 'TestSoak$' -v -timeout 3h -soak.for 2h -soak.on amd64,arm64,riscv64 -soak.kernel debug -soak.ops 4000 -soak.jobs 1 -soak.table $PWD/results/soak.tsv", by: "TestSoak"},
		{line: "make test-fuzz", short: []string{"fuzz", "fuzz ARGS='-run FuzzAddress -time 20x'"}, says: "1 passed, 0 failed"},
		{line: "make test-fuzz ARGS='-time 10m -seed 2 -table results/fuzz/targets.tsv'", short: []string{"-time 10m", "-run FuzzAddress -time 20x", "results/fuzz/", ""}, says: "1 passed, 0 failed"},
		// It runs tests by the hundred, as CI does: here it is seen that it is there.
		{line: "make test-race", short: []string{"make", "make -n"}, says: "-race"},
	},
}

var thisBoard = []string{"./unotify-bench-linux-riscv64", "bin/unotify-bench-linux-" + runtime.GOARCH}

// TestPages follows the pages of docs/ in a fresh clone, line by line, in a shell and in
// a home of their own. Each line is in the table above, and each line there is on a page.
func TestPages(t *testing.T) {
	root := repoRoot(t)
	found := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if lines := pageLines(readText(t, path)); len(lines) > 0 {
			found[filepath.Base(path)] = lines
		}
	}
	if wrong := unfollowed(found, pages, testsOf(t, root)); len(wrong) > 0 {
		t.Fatalf("of the lines of docs/:\n%s", strings.Join(wrong, "\n"))
	}
	// It can fail.
	bad := map[string][]followed{"a.md": {{line: "ls"}, {line: "who"}, {line: "id", by: "TestNoSuchThing"}}}
	if wrong := unfollowed(map[string][]string{"a.md": {"ls", "id", "pwd"}, "b.md": {"ls"}}, bad, nil); len(wrong) != 4 {
		t.Errorf("of four bad lines it finds %q", wrong)
	}

	dir, env := freshClone(t, root)
	for _, page := range []string{"porting.md", "users.md", "method.md", "patch-authors.md", "reliability.md"} {
		t.Run(page, func(t *testing.T) {
			for _, line := range found[page] {
				if f := claimOf(pages[page], line); f.by == "" {
					f.follow(t, dir, env)
				}
			}
		})
	}
}

// follow executes a line.
func (f *followed) follow(t *testing.T, dir string, env []string) {
	t.Helper()
	line := strings.NewReplacer(f.short...).Replace(f.line)
	if len(f.short) > 0 && line == f.line {
		t.Errorf("%s has nothing of %q", line, f.short)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != f.status || !strings.Contains(string(out), f.says) {
		t.Errorf("%s: exit status %d, want %d, and %q in\n%s", line, got, f.status, f.says, out[max(0, len(out)-4000):])
	}
	t.Logf("%s: %v of CPU", line, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(1e8))
}

// claimOf is the entry for a line, nil if there is none.
func claimOf(list []followed, line string) *followed {
	i := slices.IndexFunc(list, func(f followed) bool { return f.line == line || f.line == "" })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// unfollowed lists lines of pages that no entry is for, entries that are for no line,
// and entries with a test that is not known.
func unfollowed(found map[string][]string, claims map[string][]followed, tests map[string]bool) (wrong []string) {
	for page, lines := range found {
		for _, line := range lines {
			if claimOf(claims[page], line) == nil {
				wrong = append(wrong, fmt.Sprintf("%s: nothing executes %q", page, line))
			}
		}
	}
	for page, list := range claims {
		for _, f := range list {
			if len(found[page]) == 0 || f.line != "" && !slices.Contains(found[page], f.line) {
				wrong = append(wrong, fmt.Sprintf("%s does not have %q", page, f.line))
			}
			if f.by != "" && !tests[f.by] {
				wrong = append(wrong, fmt.Sprintf("%s: there is no %s, which is to execute %q", page, f.by, f.line))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// pageLines are the command lines of a page: what is indented by four, outside of
// fences, and what is in tables under "command".
func pageLines(text string) (lines []string) {
	fenced, column, more := false, -1, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		if command, ok := strings.CutPrefix(line, "    "); ok {
			command, _, _ = strings.Cut(command, " # ")
			command, next := strings.CutSuffix(strings.TrimSpace(command), "\\")
			if more {
				lines[len(lines)-1] += command
			} else {
				lines = append(lines, command)
			}
			more = next
			continue
		}
		if !strings.HasPrefix(line, "|") {
			column = -1
			continue
		}
		cells := strings.Split(line, " | ")
		if column < 0 {
			column = slices.Index(cells, "command")
		} else if column < len(cells) && strings.HasPrefix(cells[column], "`") {
			lines = append(lines, strings.Trim(cells[column], "`"))
		}
	}
	return lines
}

// testsOf are the names of the module's tests.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range []string{".", "abi/fuzz", "cmd/unotify-bench", "kernel"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
					names[fn.Name.Name] = true
				}
			}
		}
	}
	return names
}

// freshClone clones the commit that is checked out, with its programs built, beside
// what the pages' reader has: two kernels, and a tree of Linux at home.
func freshClone(t *testing.T, root string) (dir string, env []string) {
	t.Helper()
	top := t.TempDir()
	dir, home := filepath.Join(top, "unotify-bench"), filepath.Join(top, "home")
	for path, v := range map[string]kernel.Variant{
		"base/arch/x86/boot/bzImage":       kernel.Stock,
		"head/arch/x86/boot/bzImage":       kernel.Patched,
		"home/linux/arch/arm64/boot/Image": kernel.Patched,
		"home/linux/arch/riscv/boot/Image": kernel.Patched,
	} {
		arch := arches()[0]
		if strings.Contains(path, "arm64") {
			arch = arches()[1]
		} else if strings.Contains(path, "riscv") {
			arch = arches()[2]
		}
		img, err := testKernel(t.Context(), arch, v)
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(img.Path, path); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS=") { // of the make that runs us
			env = append(env, v)
		}
	}
	// Kernels and what Go has compiled are the user's, all else is new.
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	env = append(env, "HOME="+home, "XDG_CACHE_HOME="+cache, "XDG_STATE_HOME="+filepath.Join(home, "state"),
		"PATH="+filepath.Join(dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	git(t, root, "clone", "-q", "--no-checkout", root, dir)
	git(t, dir, "checkout", "-q", "--detach", git(t, root, "rev-parse", "HEAD"))
	build := followed{line: "make"}
	build.follow(t, dir, env)
	return dir, env
}
