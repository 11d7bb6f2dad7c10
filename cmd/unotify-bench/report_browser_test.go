package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var shots = flag.String("shots", "", "directory in which to keep pictures of the page, to be looked at")

// TestReportInBrowser looks at the page of the committed results as readers do:
// on a desk, on a phone, in the dark, without scripts.
func TestReportInBrowser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if status, _, stderr := runHere("report", filepath.Join("..", "..", "results"), "-o", path); status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	b := newBrowser(t)
	ground := map[bool]string{}
	for _, l := range []look{
		{width: 1280, script: true},
		{width: 1280, script: true, dark: true},
		{width: 390, script: true},
		{width: 390, script: false, dark: true},
		{width: 1280, script: false},
	} {
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			b.t = t
			b.open(path, l)
			for _, c := range b.complaints() {
				t.Error(c)
			}
			var width int
			b.eval("document.documentElement.scrollWidth", &width)
			if width > l.width {
				t.Errorf("the page is %d wide", width)
			}
			testPageParts(t, b)
			var colour string
			b.eval("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector('svg .t, svg .b')).fill", &colour)
			if was, ok := ground[l.dark]; ok && was != colour {
				t.Errorf("colours are %s, and were %s", colour, was)
			}
			ground[l.dark] = colour
			var sortable int
			b.eval("document.querySelectorAll('table.sortable').length", &sortable)
			if (sortable > 0) != l.script {
				t.Errorf("%d sortable tables", sortable)
			}
			if l.script {
				testSorting(t, b)
			}
			b.keep(fmt.Sprintf("%d-dark=%v-script=%v", l.width, l.dark, l.script))
		})
	}
	if ground[false] == ground[true] {
		t.Errorf("light and dark look the same: %s", ground[true])
	}
}

// testPageParts looks for what has to be there, scripts or not, and to be seen.
func testPageParts(t *testing.T, b *browser) {
	t.Helper()
	for selector, want := range map[string]int{
		"#summary table": 2, "#latency-insns table": 8, "#latency-insns svg": 16, "#latency-time svg": 16,
		"#distribution-insns svg": 24, "#sweeps-insns svg": 12, "#sweeps-insns table": 12,
		"#race svg": 1, "#race table": 1, "#conformance table": 2, "#faults table": 1, "#footprint svg": 1, "#sources table": 1,
	} {
		var n int
		b.eval(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n)
		if n < want {
			t.Errorf("%d of %s, want %d", n, selector, want)
		}
	}
	// Nothing sticks out of what holds it, but in boxes that scroll.
	var out []string
	b.eval(`[...document.querySelectorAll("body *")].filter(e => !e.closest(".box,svg") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + " " + e.textContent.slice(0, 40))`, &out)
	if len(out) > 0 {
		t.Errorf("beyond the right edge: %q", out)
	}
	// No text of a picture lies outside of it.
	b.eval(`[...document.querySelectorAll("svg text")].filter(e => { const b = e.getBBox(), v = e.ownerSVGElement.viewBox.baseVal; return b.width > 0 && (b.x < -1 || b.x + b.width > v.width + 1 || b.y + b.height > v.height + 1) }).map(e => e.ownerSVGElement.getAttribute("aria-label") + ": " + e.textContent)`, &out)
	if len(out) > 0 {
		t.Errorf("texts outside of their pictures: %q", out)
	}
	var uncommanded []string
	b.eval(`[...document.querySelectorAll("main > section")].filter(s => s.id !== "sources" && !s.querySelector(".cmd code")).map(s => s.id)`, &uncommanded)
	if len(uncommanded) > 0 {
		t.Errorf("sections without the command that gives them: %q", uncommanded)
	}
}

// testSorting chooses a head twice.
func testSorting(t *testing.T, b *browser) {
	t.Helper()
	const table = `document.querySelector("#latency-insns-openat table")`
	var up, down []float64
	for _, v := range []*[]float64{&up, &down} {
		b.eval(table+`.tHead.rows[1].cells[1].click(), [...`+table+`.tBodies[0].rows].map(r => parseFloat(r.cells[1].textContent)).filter(v => v == v)`, v)
	}
	if len(up) < 10 || len(down) != len(up) {
		t.Fatalf("%d and %d values", len(up), len(down))
	}
	for i := range up {
		if i > 0 && up[i] < up[i-1] || up[i] != down[len(down)-1-i] {
			t.Fatalf("sorted up %v, down %v", up, down)
		}
	}
}

// keep keeps what the page looks like, for who asked for it.
func (b *browser) keep(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	var height int
	b.eval("document.documentElement.scrollHeight", &height)
	const part = 2400
	for y := 0; y < height; y += part {
		png := b.picture(y, min(part, height-y))
		if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%02d.png", name, y/part)), png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestPicturesInBrowser: a picture by itself has its colours with it.
func TestPicturesInBrowser(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := runHere("report", "--format", "svg", "-o", dir, filepath.Join("..", "..", "results", "race")); status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	b := newBrowser(t)
	var seen [2][]byte
	for i, dark := range []bool{false, true} {
		b.open(filepath.Join(dir, "race.svg"), look{width: 600, dark: dark, script: true})
		for _, c := range b.complaints() {
			t.Error(c)
		}
		seen[i] = b.picture(0, 300)
	}
	if bytes.Equal(seen[0], seen[1]) {
		t.Error("light and dark look the same")
	}
}
