package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

// smallDisk has c run with a disk of so many pages and inodes at small, which is
// private to it, and moves what is there in the end to kept.
func smallDisk(t *testing.T, c *command, small, kept string, pages, inodes int) {
	t.Helper()
	const script = `mount --make-rprivate / && mount -t tmpfs -o "$3" none "$1" || exit 99
small=$1 kept=$2
shift 3
"$@"
status=$?
cp -r "$small"/. "$kept" || exit 98
exit $status`
	options := fmt.Sprintf("size=%dk,nr_inodes=%d", 4*pages, inodes)
	c.Path, c.Args = shell(t), append([]string{"sh", "-c", script, "sh", small, kept, options}, c.Args...)
	c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
}

// TestDiskFull gives a run a disk that has room for some rows. They are kept,
// and with more room the run goes on.
func TestDiskFull(t *testing.T) {
	g, small := newGround(t, withoutOutput(hostRun(""))...), t.TempDir()
	c := newCommand(t, hostRun(filepath.Join(small, "r.txt"))...)
	smallDisk(t, c, small, g.results, 2, 100)
	c.runs(t, exitEnvironment)
	if !strings.Contains(c.stderr.String(), "no space left on device") {
		t.Errorf("not told what is wrong: %q", &c.stderr)
	}
	g.text(t)
	measured := names(results(t, g.path))
	if n := len(measured); n == 0 || n >= hostRows {
		t.Fatalf("%d rows kept, want some of %d", n, hostRows)
	}

	g.completes(t)
	all := names(results(t, g.path))
	if len(all) != hostRows {
		t.Errorf("%d rows in the end, want %d", len(all), hostRows)
	}
	if diff := cmp.Diff(measured, all[:len(measured)]); diff != "" {
		t.Errorf("first rows before and after (-before +after):\n%s", diff)
	}
}

// TestFaultDisk gives runs disks of random sizes, each of which is full at another
// write, for results, for the state directory and for temporary files.
func TestFaultDisk(t *testing.T) {
	whole := newGround(t, fightRun...)
	whole.completes(t)
	want := names(results(t, whole.path))
	for _, tt := range []struct {
		of  string
		set func(c *command, small string) // has c use the disk
	}{
		{"results", func(c *command, small string) { c.Args = append(c.Args, "-o", filepath.Join(small, "r.txt")) }},
		{"state", func(c *command, small string) { c.Env = append(c.Env, "XDG_STATE_HOME="+small) }},
		{"temp", func(c *command, small string) { c.Env = append(c.Env, "TMPDIR="+small) }},
	} {
		t.Run(tt.of, func(t *testing.T) {
			r, ended, kept := chance(t), map[int]int{}, 0
			for i := range 2 * *faultsN {
				g, small := newGround(t, fightRun...), t.TempDir()
				c := newCommand(t, fightRun...)
				c.Env = append(c.Env, "XDG_STATE_HOME="+g.temp) // of who has no other
				tt.set(c, small)
				smallDisk(t, c, small, g.results, 1+r.IntN(6), 1+i%6) // the first has no room for any file
				c.start(t)
				status := c.status(t)
				ended[status]++
				switch {
				case status == exitOK:
				case status != exitEnvironment && status != exitFailed:
					t.Errorf("exit status %d\n%s", status, &c.stderr)
				case !strings.Contains(c.stderr.String(), "no space left on device"):
					t.Errorf("not told what is wrong: %q", &c.stderr)
				}
				for _, file := range filesIn(t, g.results, g.temp) {
					temporary := tt.of == "temp" && strings.HasPrefix(file, g.results)
					ext := filepath.Ext(file)
					// Results of who names no file have a directory.
					if temporary || ext != ".txt" && ext != ".journal" && filepath.Base(file) != "unotify-bench" {
						t.Errorf("left behind: %s", file)
					}
					if ext != ".txt" {
						continue
					}
					g.path = file
					g.text(t) // has whole lines
					f, err := report.ReadFile(file)
					if err != nil {
						continue
					}
					kept += len(f.Results)
					if got := names(f); len(got) > len(want) || !cmp.Equal(got, want[:len(got)]) {
						t.Errorf("rows of no undisturbed run: %q", got)
					}
				}
				if tt.of != "results" || status == exitOK {
					continue
				}
				g.completes(t)
				if diff := cmp.Diff(want, names(results(t, g.path))); diff != "" {
					t.Errorf("rows (-undisturbed +resumed):\n%s", diff)
				}
			}
			if ended[exitOK] == 2**faultsN {
				t.Error("there was room for everything")
			}
			t.Logf("%d disks for %s: exit statuses %v, %d rows kept in whole lines", 2**faultsN, tt.of, ended, kept)
		})
	}
}

// filesIn lists all that is below directories.
func filesIn(t *testing.T, dirs ...string) (files []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !slices.Contains(dirs, path) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func shell(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
