package main

import (
	"fmt"
	"strings"

	"unotify-bench/abi/suite"
)

// ktap is Linux's Documentation/dev-tools/ktap.rst: what KernelCI, LAVA and
// kselftest read. A divergent check is an expected failure, which kunit.py,
// knowing no directive but SKIP, counts as passed.
func (r *abiReport) ktap() error {
	n := 0
	for _, l := range r.lanes {
		n += len(l.Rows)
	}
	fmt.Fprintf(r.w, "KTAP version 1\n1..%d\n", n)
	n = 0
	for _, l := range r.lanes {
		for _, row := range l.Rows {
			n++
			result, directive := "ok", ""
			switch row.Verdict {
			case suite.Pass:
			case suite.Skip:
				directive = " # SKIP " + ktapText(firstLine(row.Text))
			case suite.Divergent:
				directive = " # XFAIL divergent"
			case suite.Fail:
				result = "not ok"
			case suite.Error:
				result, directive = "not ok", " # ERROR could not tell"
			}
			if row.Verdict != suite.Skip && row.Text != "" {
				for line := range strings.Lines(row.Text) {
					fmt.Fprintf(r.w, "# %s\n", ktapText(strings.TrimSuffix(line, "\n")))
				}
			}
			if _, err := fmt.Fprintf(r.w, "%s %d %s.%s%s\n", result, n, l.Where, row.Check.ID, directive); err != nil {
				return err
			}
		}
	}
	return nil
}

// ktapText keeps a line of text a line of text. For the kernel's reader
// (tools/testing/kunit/kunit_parser.py) some words are structure wherever in a
// line they stand: TEST_HEADER is a comment, KTAP_END (a verdict may quote the
// last words of a kernel) ends the output, and the last SKIP is the one.
func ktapText(line string) string { return ktapWords.Replace(clean(line)) }

var ktapWords = strings.NewReplacer(
	"Subtest:", "Subtest :",
	"List of all partitions:", "List of all partitions :",
	"Kernel panic - not syncing: VFS:", "Kernel panic - not syncing: VFS :",
	"reboot: System halted", "reboot : System halted",
	"# SKIP", "#SKIP",
)

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
