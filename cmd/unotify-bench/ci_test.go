package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repoRoot is this repository.
func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// ci runs a script of tools/ci as a workflow would, and returns its exit
// status and what it printed.
func ci(t *testing.T, dir string, env []string, script string, args ...string) (status int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(repoRoot(t), "tools", "ci", script), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// ciFile writes a results file of one row.
func ciFile(t *testing.T, path string, runs ...string) {
	t.Helper()
	text := "goos: linux\ngoarch: amd64\nkernel: 6.12.1\naccel: tcg\nclock: insns\n\n"
	for _, v := range runs {
		text += "BenchmarkNotify/mech=continue/syscall=getppid/wake=sync/cpus=same-1 300 " + v + " insns/op\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCITable: the exit status is the gate's, and the table is there whatever it
// is.
func TestCITable(t *testing.T) {
	for _, row := range []struct {
		name, head string // what the head's file holds
		status     int
		want       string // of the table
	}{
		{"open", "6475 6475 6475 6475 6475", 0, `^\*\*gate of 1%, 1 row: open: none is slower`},
		{"closed", "7475 7475 7475 7475 7475", 1, `^\*\*gate of 1%, 1 row: closed: 1 slower`},
		{"too few runs", "7475", 2, `^\*\*gate of 1%, 1 row: undecided`},
		{"nothing", "", 2, `^No comparison: exit status 2. The log says why.\n$`},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			base, head, table := filepath.Join(dir, "base.txt"), filepath.Join(dir, "head.txt"), filepath.Join(dir, "table.md")
			ciFile(t, base, strings.Fields("6475 6475 6475 6475 6475")...)
			ciFile(t, head, strings.Fields(row.head)...)
			summary, output := filepath.Join(dir, "summary"), filepath.Join(dir, "output")
			env := []string{"GITHUB_STEP_SUMMARY=" + summary, "GITHUB_OUTPUT=" + output}
			// What is left of another run is no answer.
			if err := os.WriteFile(table, []byte("**gate of 1%, 1 row: open"), 0o644); err != nil {
				t.Fatal(err)
			}
			status, out := ci(t, dir, env, "table", commandFile(t), base, head, table, "--gate", "1%")
			if status != row.status {
				t.Errorf("exit status %d, want %d\n%s", status, row.status, out)
			}
			text := readText(t, table)
			if !regexp.MustCompile(row.want).MatchString(text) {
				t.Errorf("the table does not match %s:\n%s", row.want, text)
			}
			if diff := cmp.Diff(text, readText(t, summary)); diff != "" {
				t.Errorf("the job's summary is not the table:\n%s", diff)
			}
			want := "table=" + table + "\nstatus=" + string(rune('0'+row.status)) + "\n"
			if diff := cmp.Diff(want, readText(t, output)); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

// fakeGH answers as gh would for pull request 7 with head abc, with a comment of
// ours if there is a file "old", and keeps what it is asked to do.
const fakeGH = `#!/bin/bash
here=$(dirname "$0")
case "$*" in
"api repos/o/r/pulls/7 --jq .head.sha") echo abc ;;
"api --paginate repos/o/r/issues/7/comments --jq "*) [[ ! -e $here/old ]] || echo 99 ;;
"api --method "*)
  echo "$3 $4" >>"$here/did"
  for arg; do [[ $arg != body=@* ]] || cp "${arg#body=@}" "$here/body"; done ;;
*) echo "gh: unexpected: $*" >&2; exit 1 ;;
esac
`

// TestCIComment: the comment is put where it belongs and nowhere else, and of
// what the pull request's run has left only numbers get into it.
func TestCIComment(t *testing.T) {
	const evil = "\nBenchmarkNotify/mech=@octocat<img/src=x>/syscall=getppid-1 300 1 insns/op\n# n/a amd64 Notify/mech=x [link](http://example.org)\n"
	for _, row := range []struct {
		name, pr, sha string
		old, closed   bool
		status        int
		did, says     string
	}{
		{"new", "7\n", "abc", false, false, 0, "POST repos/o/r/issues/7/comments\n", ""},
		{"again", "7", "abc", true, false, 0, "PATCH repos/o/r/issues/comments/99\n", ""},
		{"the gate is closed", "7", "abc", false, true, 0, "POST repos/o/r/issues/7/comments\n", ""},
		{"of another pull request", "7", "abcd", false, false, 0, "", "the head of pull request 7 is abc, the run was of abcd"},
		{"no number", "7/../8", "abc", false, false, 2, "", "holds no number of a pull request"},
		{"an option", "--help", "abc", false, false, 2, "", "holds no number"},
	} {
		t.Run(row.name, func(t *testing.T) {
			bin, dir := t.TempDir(), t.TempDir()
			write := func(path, text string, mode os.FileMode) {
				t.Helper()
				if err := os.WriteFile(path, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			write(filepath.Join(bin, "gh"), fakeGH, 0o755)
			if row.old {
				write(filepath.Join(bin, "old"), "", 0o644)
			}
			write(filepath.Join(dir, "pr"), row.pr, 0o644)
			head := "6475"
			if row.closed {
				head = "7475"
			}
			ciFile(t, filepath.Join(dir, "base-amd64.txt"), strings.Fields(strings.Repeat("6475 ", 5))...)
			ciFile(t, filepath.Join(dir, "head-amd64.txt"), strings.Fields(strings.Repeat(head+" ", 5))...)
			for _, side := range []string{"base", "head"} {
				path := filepath.Join(dir, side+"-amd64.txt")
				write(path, readText(t, path)+evil, 0o644)
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "base-arm64.txt")); err != nil {
				t.Fatal(err)
			}
			env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "GITHUB_REPOSITORY=o/r", "GH_TOKEN=x"}
			status, out := ci(t, dir, env, "comment", commandFile(t), dir, row.sha, "--gate", "5%")
			if status != row.status || !strings.Contains(out, row.says) {
				t.Errorf("exit status %d, want %d, and %q in:\n%s", status, row.status, row.says, out)
			}
			did, _ := os.ReadFile(filepath.Join(bin, "did"))
			if diff := cmp.Diff(row.did, string(did)); diff != "" {
				t.Fatalf("gh was asked to (-want +got):\n%s\n%s", diff, out)
			}
			if row.did == "" {
				return
			}
			body := readText(t, filepath.Join(bin, "body"))
			want := "<!-- unotify-bench: instructions -->\n**gate of 5%, 2 rows: open"
			if row.closed {
				want = "<!-- unotify-bench: instructions -->\n**gate of 5%, 2 rows: closed: 1 slower"
			}
			if !strings.HasPrefix(body, want) || !strings.Contains(body, "| old | new | change |") {
				t.Errorf("the comment does not begin with %q:\n%s", want, body)
			}
			for _, never := range []string{"@octocat", "<img", "[link](", "root:"} {
				if strings.Contains(body, never) {
					t.Errorf("%q is in the comment:\n%s", never, body)
				}
			}
		})
	}
}
