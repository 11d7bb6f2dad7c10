package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/internal/figure"
)

// TestKillsPicture draws the kills that are committed: when each came, and how much
// was kept.
func TestKillsPicture(t *testing.T) {
	kills := committedKills(t)
	p := &figure.Rows{
		Head: figure.Head{
			Name: "kills", Title: fmt.Sprintf("%d kills of a run of %d rows", len(kills), killRows),
			Note: "when it came, by the rows in the file afterwards",
			Key: []figure.Key{
				{Label: "all is measured again", Shape: figure.Circle, Tone: figure.Neutral, Hollow: true},
				{Label: "a machine's rows are not", Shape: figure.Circle, Tone: figure.Neutral},
			},
		},
		Axis: figure.Axis{Label: "seconds after the machine's start, or the command's"},
	}
	for _, of := range killed {
		n := 0
		for i, class := range killClasses {
			row := figure.Row{Label: fmt.Sprintf("%s: %s rows", of, class.label), Tone: figure.Neutral, Gap: i == 0 && of != "QEMU"}
			for _, k := range kills {
				if k.Of == of && k.Kept >= class.from && k.Kept <= class.to {
					row.Marks = append(row.Marks, figure.Mark{Value: k.After.Seconds(), Hollow: k.Reused == 0})
				}
			}
			row.Title = fmt.Sprintf("%s: %d kills", row.Label, len(row.Marks))
			n += len(row.Marks)
			if len(row.Marks) > 0 {
				p.Rows = append(p.Rows, row)
			}
		}
		if n < 100 {
			t.Errorf("%d kills of %s in the table, want 100", n, of)
		}
	}
	path := filepath.Join(repoRoot(t), "results", "faults", "kills.svg")
	if *update {
		writeFile(t, path, string(figure.SVG(p)))
	}
	if readText(t, path) != string(figure.SVG(p)) {
		t.Errorf("%s is not of the tables beside it: go test ./cmd/unotify-bench -run %s -update", path, t.Name())
	}
}

// killClasses are the rows of the picture: how much was in the results file.
var killClasses = []struct {
	label    string
	from, to int
}{
	{"no", 0, 0},
	{fmt.Sprintf("1 to %d", killRows/2-1), 1, killRows/2 - 1},
	{fmt.Sprint(killRows / 2), killRows / 2, killRows / 2},
	{fmt.Sprintf("%d to %d", killRows/2+1, killRows), killRows/2 + 1, killRows},
}

// committedKills reads what TestFaultKills has written down.
func committedKills(t *testing.T) (kills []kill) {
	t.Helper()
	text := ""
	for _, of := range killed {
		table := readText(t, filepath.Join(repoRoot(t), "results", "faults", "kills-"+of+".tsv"))
		rest, ok := strings.CutPrefix(table, killColumns)
		if !ok {
			t.Fatalf("the table of %s begins %.80q", of, table)
		}
		text += rest
	}
	for line := range strings.Lines(text) {
		k, err := parseKill(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if k.Reused%(killRows/2) != 0 || k.Kept > killRows {
			t.Errorf("%q cannot be: a run has %d rows, a machine half of them", line, killRows)
		}
		kills = append(kills, k)
	}
	return kills
}
