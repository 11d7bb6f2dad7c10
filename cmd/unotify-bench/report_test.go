package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// maxPage is the bar for the page of all that is committed.
const maxPage = 1 << 20

// TestReportSize: all committed results fit on a page that can be mailed.
func TestReportSize(t *testing.T) {
	status, page, stderr := runHere("report", "--quiet", filepath.Join("..", "..", "results"))
	if status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	if stderr != "" {
		t.Errorf("warnings about what is committed:\n%s", stderr)
	}
	t.Logf("%d bytes", len(page))
	if len(page) > maxPage {
		t.Errorf("%d bytes, want %d at most", len(page), maxPage)
	}
	if _, again, _ := runHere("report", "--quiet", filepath.Join("..", "..", "results")); again != page {
		t.Error("the same results give another page")
	}
}

// committedPictures are those of the page that README shows, by their name on
// it. The race's has a test of its own.
var committedPictures = map[string]string{
	"openat.svg":    "latency-insns-openat-total.svg",
	"footprint.svg": "footprint.svg",
}

// TestReportPictures: the committed pictures are those that the committed
// results give.
func TestReportPictures(t *testing.T) {
	results, dir := filepath.Join("..", "..", "results"), t.TempDir()
	if status, _, stderr := runHere("report", "--format", "svg", "-o", dir, results); status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	for name, drawn := range committedPictures {
		want, err := os.ReadFile(filepath.Join(dir, drawn))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(results, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is drawn of results/ (update with -update); %v", path, err)
		}
	}
}

// BenchmarkReport is the page of all committed results: its bar is 3 seconds.
func BenchmarkReport(b *testing.B) {
	results := filepath.Join("..", "..", "results")
	for b.Loop() {
		if status := run(b.Context(), []string{"report", "--quiet", results}, io.Discard, io.Discard); status != exitOK {
			b.Fatalf("status %d", status)
		}
	}
}
