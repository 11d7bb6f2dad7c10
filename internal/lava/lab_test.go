package lava

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	labDir    = flag.String("lava.lab", "", "run the client against the lab that tools/lava/lab brought up in this directory")
	labArch   = flag.String("lava.arch", "amd64", "architecture of the job's machine")
	labKernel = flag.String("lava.kernel", "", "kernel of the job's machine (default: one of unotify-bench's cache)")
)

// consoles are where kernels of QEMU's machines talk.
var consoles = map[string]string{"amd64": "ttyS0", "arm64": "ttyAMA0", "riscv64": "ttyS0"}

// TestLab runs a job in a real lab, and looks at all that the client gets to see.
func TestLab(t *testing.T) {
	c := lab(t)
	ids, err := c.Submit(t.Context(), definition(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	job := await(t, c, ids[0], Job.Finished)
	if job.State != "Finished" || job.Health != "Complete" || job.Name != "unotify-bench lava test" || job.DeviceType != "qemu" || !job.Ended.After(job.Submitted) {
		t.Errorf("%+v", job)
	}
	want := []Case{
		{Suite: "checks", Name: "notify_send", Result: "pass"},
		{Suite: "checks", Name: "notify_addfd", Result: "fail"},
	}
	for i := range 120 {
		want = append(want, Case{Suite: "checks", Name: fmt.Sprintf("many_%03d", i), Result: "skip"})
	}
	want = append(want,
		Case{Suite: "bench", Name: "native_getppid", Result: "pass", Measurement: "6319.2500000000", Unit: "ns/op"},
		Case{Suite: "bench", Name: "notify_getppid", Result: "pass", Measurement: "12.0000000000", Unit: "instructions"})
	cases, err := c.Cases(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(cases, func(a, b Case) int { return a.ID - b.ID }) {
		t.Error("cases are not in order of their IDs")
	}
	var got []Case
	for _, k := range cases {
		if k.ID = 0; k.Suite != "lava" {
			got = append(got, k)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	lines, err := c.Log(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.Level == "" || l.Time.IsZero() {
			t.Errorf("not read: %+v", l)
		}
	}
	// LAVA takes escape characters out, and puts a backslash before quotes
	// (lava_dispatcher/shell.py).
	if !slices.ContainsFunc(lines, func(l Line) bool {
		return l.Level == "target" && strings.HasPrefix(l.Text, `[32mgreen[0m \"quoted\" \ ünicode`+"\ttab")
	}) {
		t.Errorf("the console's line is not in the log: %+v", lines)
	}
}

// TestLabCancel cancels a job that runs, and one that is over.
func TestLabCancel(t *testing.T) {
	c := lab(t)
	ids, err := c.Submit(t.Context(), definition(t, "5m"))
	if err != nil {
		t.Fatal(err)
	}
	await(t, c, ids[0], func(j Job) bool { return j.State == "Running" })
	if err := c.Cancel(t.Context(), ids[0]); err != nil {
		t.Error(err)
	}
	if job := await(t, c, ids[0], Job.Finished); job.Health != "Canceled" {
		t.Errorf("%+v", job)
	}
	if err := c.Cancel(t.Context(), ids[0]); err != nil {
		t.Errorf("cancelled twice: %v", err)
	}
}

// TestLabRefuses makes mistakes.
func TestLabRefuses(t *testing.T) {
	c := lab(t)
	for _, tt := range []struct {
		what string
		want error
		do   func() error
	}{
		{"a job that is none", ErrNotFound, func() error { _, err := c.Job(t.Context(), 1); return err }},
		{"its log", ErrNotFound, func() error { _, err := c.Log(t.Context(), 1); return err }},
		{"to cancel it", ErrNotFound, func() error { return c.Cancel(t.Context(), 1) }},
		{"a definition that is none", ErrRefused, func() error { _, err := c.Submit(t.Context(), "job_name: x\n"); return err }},
		{"a definition that is no YAML", ErrRefused, func() error { _, err := c.Submit(t.Context(), "{"); return err }},
		{"a device type that is none", ErrRefused, func() error {
			_, err := c.Submit(t.Context(), strings.Replace(definition(t, ""), "device_type: qemu", "device_type: board", 1))
			return err
		}},
		{"a token that is none", ErrAuth, func() error {
			_, err := (&Client{URL: c.URL, Token: "wrong"}).Submit(t.Context(), definition(t, ""))
			return err
		}},
		{"no token", ErrAuth, func() error { _, err := (&Client{URL: c.URL}).Submit(t.Context(), definition(t, "")); return err }},
		{"a path too much", ErrReply, func() error { _, err := (&Client{URL: c.URL + "/api"}).Job(t.Context(), 1); return err }},
	} {
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v; want %v", tt.what, err, tt.want)
		} else {
			t.Logf("%s: %v", tt.what, err)
		}
	}
}

// TestLabLostReply submits through a proxy that loses the reply: the job is found.
func TestLabLostReply(t *testing.T) {
	direct := lab(t)
	p := loser(t, direct.URL)
	c := &Client{URL: p.url, Token: direct.Token, Wait: noWait, Logf: t.Logf}
	ids, err := c.Submit(t.Context(), definition(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if n := p.posts.Load(); len(ids) != 1 || n != 1 {
		t.Errorf("jobs %v after %d submissions", ids, n)
	}
	if err := direct.Cancel(t.Context(), ids[0]); err != nil {
		t.Error(err)
	}
}

func lab(t *testing.T) *Client {
	t.Helper()
	if *labDir == "" {
		t.Skip("no lab: bring one up (tools/lava/lab up DIR) and name it (-lava.lab DIR)")
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(*labDir, name))
		if err != nil {
			t.Fatalf("%v; is the lab up?", err)
		}
		return strings.TrimSpace(string(b))
	}
	return &Client{URL: read("url"), Token: read("token"), Logf: t.Logf}
}

// await polls a job until it is as it should be. The limit is that of go test.
func await(t *testing.T, c *Client, id int, done func(Job) bool) Job {
	t.Helper()
	for {
		job, err := c.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if done(job) {
			return job
		}
		if job.Finished() {
			t.Fatalf("%+v", job)
		}
		time.Sleep(time.Second)
	}
}

// definition is a job that boots a machine with testdata/init.
func definition(t *testing.T, hold string) string {
	t.Helper()
	kernel := *labKernel
	if kernel == "" {
		found, err := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".cache/unotify-bench/image", *labArch+"-*", "kernel"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no kernel for %s in the cache (%v); name one with -lava.kernel", *labArch, err)
		}
		kernel = found[len(found)-1]
	}
	text, err := os.ReadFile("testdata/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("ARCH", *labArch, "CONSOLE", consoles[*labArch], "HOLD", hold, "KERNEL", kernel, "INITRAMFS", initramfs(t)).Replace(string(text))
}

// initramfs builds testdata/init, and packs it as the kernel reads it (the newc
// format, Documentation/driver-api/early-userspace/buffer-format.rst).
func initramfs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "init"), "./testdata/init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+*labArch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "init"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	entry := func(name string, mode int, data []byte) {
		fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00", 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
		b.Write(make([]byte, -b.Len()&3))
		b.Write(data)
		b.Write(make([]byte, -b.Len()&3))
	}
	entry("init", 0o100755, program)
	entry("TRAILER!!!", 0, nil)
	file := filepath.Join(dir, "initramfs")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
