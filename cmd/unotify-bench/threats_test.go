package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"unotify-bench/bench"
)

// seen is what was to be seen of a command's processes while it ran.
type seen struct {
	processes map[string]bool
	listening []string
	users     []string // user, capabilities, no_new_privs
}

// watch looks at a command's processes until it has ended.
func watch(t *testing.T, c *command) *seen {
	t.Helper()
	s := &seen{processes: map[string]bool{}}
	c.start(t)
	for !c.over(t) {
		s.lookFor(c.mark)
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

// lookFor looks at the processes with a mark in their environment.
func (s *seen) lookFor(mark string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && bytes.Contains(env, []byte(mark)) {
			s.look(filepath.Dir(f))
		}
	}
}

// look looks at one, which may be gone by then.
func (s *seen) look(dir string) {
	s.processes[dir] = true
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	status, _ := os.ReadFile(dir + "/status")
	var user []string
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Uid", "CapPrm", "CapEff":
			user = append(user, key+" "+strings.Join(strings.Fields(value), " "))
		}
	}
	if user != nil {
		add(&s.users, strings.Join(user, ", "))
	}
	own := map[string]bool{}
	links, _ := filepath.Glob(dir + "/fd/*")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		table, _ := os.ReadFile(dir + "/net/" + kind)
		for line := range strings.Lines(string(table)) {
			if inode, ok := listener(kind, strings.Fields(line)); ok && own[inode] {
				add(&s.listening, kind+" "+strings.TrimSpace(line))
			}
		}
	}
}

// listener tells whether a line of /proc/net is of a socket that others reach: one of
// TCP in state LISTEN, any of UDP, one of AF_UNIX that accepts (net/unix/af_unix.c).
func listener(kind string, f []string) (inode string, ok bool) {
	switch {
	case kind == "unix" && len(f) > 6:
		return f[6], f[3] == "00010000"
	case strings.HasPrefix(kind, "tcp") && len(f) > 9:
		return f[9], f[3] == "0A"
	case strings.HasPrefix(kind, "udp") && len(f) > 9:
		return f[9], true
	}
	return "", false
}

// TestNothingListens: while the host is measured nobody can connect to us. The rows of
// bind and connect have sockets, which is what they measure; --quick has none.
func TestNothingListens(t *testing.T) {
	c := newCommand(t, "run", "--on", "host", "--quick", "-o", filepath.Join(t.TempDir(), "r.txt"))
	s := watch(t, c)
	if got := c.status(t); got != exitOK {
		t.Fatalf("exit status %d\n%s", got, &c.stderr)
	}
	if len(s.listening) > 0 {
		t.Errorf("these listen:\n%s", strings.Join(s.listening, "\n"))
	}
	if len(s.processes) < 3 {
		t.Errorf("seen are %d processes: that shows nothing", len(s.processes))
	}
}

// TestListenerSeen: TestNothingListens can fail.
func TestListenerSeen(t *testing.T) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := newCommand(t)
	if c.Path, err = exec.LookPath("cat"); err != nil {
		t.Fatal(err)
	}
	c.Args, c.ExtraFiles = []string{"cat"}, []*os.File{f}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.start(t)
	s := &seen{processes: map[string]bool{}}
	s.lookFor(c.mark)
	in.Close()
	if got := c.status(t); got != 0 {
		t.Errorf("cat ends with %d: %s", got, &c.stderr)
	}
	if len(s.listening) != 1 || !strings.HasPrefix(s.listening[0], "tcp ") {
		t.Errorf("of one that listens is seen: %q", s.listening)
	}
}

// TestNoPrivilege: an ordinary user measures, with nothing to gain; and where there
// would be something, gains nothing.
func TestNoPrivilege(t *testing.T) {
	for _, args := range [][]string{{"--no-new-privs", "--bounding-set=-all"}, nil} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			dir, err := os.MkdirTemp("/tmp", "unotify-nobody-") //nolint:usetesting // that of t.TempDir is closed to others
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			program, err := os.ReadFile(commandFile(t))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "unotify-bench"), program, 0o755)
			}
			if err == nil {
				err = os.Chmod(dir, 0o777)
			}
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "r.txt")
			c := newCommand(t)
			if c.Path, err = exec.LookPath("setpriv"); err != nil {
				t.Fatal(err) // of util-linux
			}
			c.Args = append([]string{"setpriv"}, args...)
			want := fmt.Sprintf("Uid %d", os.Getuid())
			if os.Getuid() == 0 {
				want = "Uid 65534 65534 65534 65534, CapPrm 0000000000000000, CapEff 0000000000000000"
				c.Args = append(c.Args, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
			}
			c.Args = append(c.Args, filepath.Join(dir, "unotify-bench"), "run", "--on", "host", "--quick", "-o", out)
			c.Env = append(c.Env, "HOME="+dir, "TMPDIR="+dir, "XDG_STATE_HOME="+dir)
			c.Dir = dir
			s := watch(t, c)
			if got := c.status(t); got != exitOK {
				t.Fatalf("exit status %d\n%s", got, &c.stderr)
			}
			for _, user := range s.users {
				// setpriv is root until it is not.
				if !strings.HasPrefix(user, want) && !strings.HasPrefix(user, "Uid 0 0 0 0") {
					t.Errorf("a process is %s, want %s", user, want)
				}
			}
			if !slices.ContainsFunc(s.users, func(u string) bool { return strings.HasPrefix(u, want) }) {
				t.Errorf("nobody of %q is %s", s.users, want)
			}
			if n := len(results(t, out).Results); n < 10 {
				t.Errorf("%d rows were measured", n)
			}
		})
	}
}

// TestFileNames: a file's name is text wherever it is shown.
func TestFileNames(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "r\x1b[2J\x1b]0;owned\a\r.txt")
	line := "BenchmarkNotify/mech=continue/syscall=getppid/wake=sync/cpus=same-1 2000 6848 insns/op\n"
	text := "goos: linux\ngoarch: arm64\nkernel: 6.12\naccel: tcg\nclock: insns\n\n" + line + "BenchmarkX 1 z ns/op\n" + line[:20]
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"report", dir}, {"report", name}, {"compare", name, name}, {"stability", name}, {"compare", name + "x", name}} {
		c := newCommand(t, args...)
		c.start(t)
		c.status(t)
		if said := c.stdout.String() + c.stderr.String(); strings.ContainsAny(said, "\x1b\a\r") || said == "" {
			t.Errorf("%q: control characters came through: %q", args, said)
		}
	}
}

// TestDamagedJournal: what is resumed is what was asked for.
func TestDamagedJournal(t *testing.T) {
	cell := bench.Cell{Mech: "reply", Syscall: "getppid", CPUs: "same"}
	for name, rows := range map[string][]bench.Row{
		"another row":       {{Cell: bench.Cell{Mech: "addfd"}, NA: "x"}},
		"no row":            nil,
		"more rows":         {{Cell: cell, NA: "x"}, {Cell: cell, NA: "x"}},
		"an impossible one": {{Cell: cell, Calls: -1, Unit: bench.UnitNanoseconds}},
	} {
		j := &journal[bench.Row]{path: "p", old: map[string][]bench.Row{"u": rows}}
		_, err := j.replay("u", rowsOf([]bench.Cell{cell}, bench.UnitNanoseconds), func(bench.Row) error { return nil })
		if exitStatus(err) != exitUsage || !strings.Contains(err.Error(), "p is damaged, u: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
