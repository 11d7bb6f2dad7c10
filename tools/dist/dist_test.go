package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

// TestDebianVersion has versions in the order in which Go has them, and lets dpkg
// say whether theirs is the same.
func TestDebianVersion(t *testing.T) {
	versions := []string{
		"0.0.0-20261126044700-7e541829cce5", // no tag yet
		"1.2.3-0.20261126044700-7e541829cce5",
		"1.2.3-rc.1",
		"1.2.3-rc.2",
		"1.2.3",
		"1.2.3+dirty",
		"1.2.4-0.20261126044700-7e541829cce5+dirty",
		"1.2.10",
	}
	for i := range len(versions) - 1 {
		older := (&release{version: versions[i]}).debianVersion()
		newer := (&release{version: versions[i+1]}).debianVersion()
		if out, err := exec.Command("dpkg", "--compare-versions", older, "lt", newer).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("dpkg does not find %s older than %s: %v\n%s", older, newer, err, out)
		}
	}
}

// TestManual sends what Markdown and roff would take for their own through both.
func TestManual(t *testing.T) {
	const text = `.TH a_b *c* **d** <e> [f](g) \h 'i' "j" & ~k 1. l # m - n | o` + " `p`"
	c := (&command{
		Use: "prog [FILE...]", Short: text, Runnable: true,
		Long:    text + "\n\n  indented  " + text + "\n  stays on its line\n\n1. is no list",
		Example: "  prog  " + text,
		Flags: []flag{
			{Name: "list", Type: "stringSlice", Default: "[/a_b,/*c*]", Usage: text},
			{Name: "word", Type: "string", Default: `x_"y"_`, Usage: "u"},
		},
	}).cobra()
	c.DisableAutoGenTag = true
	var page bytes.Buffer
	when := time.Unix(0, 0).UTC()
	if err := doc.GenMan(c, &doc.GenManHeader{Date: &when}, &page); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("groff", "-man", "-ww", "-T", "ascii", "-P", "-cbou", "-rLL=200n")
	cmd.Stdin = &page
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("%v: %v\n%s", cmd, err, &complaints)
	}
	read := string(out)
	if n := strings.Count(strings.Join(strings.Fields(read), " "), strings.Join(strings.Fields(text), " ")); n != 5 {
		t.Errorf("%q is there %d times, want it in name, description twice, flag, example:\n%s", text, n, read)
	}
	for _, want := range []string{"prog [FILE...]", "stays on its line\n", "1. is no list", "--list=[/a_b, /*c*]", `--word="x_\"y\"_"`, "  indented  .TH"} {
		if !strings.Contains(read, want) {
			t.Errorf("%q is not in:\n%s", want, read)
		}
	}
}
