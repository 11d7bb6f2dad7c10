package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"unotify-bench/internal/figure"
)

// footprintSection is what each mechanism costs in lines of kernel.
func (d *digest) footprintSection() *Section {
	if len(d.Footprints) == 0 {
		return nil
	}
	s := &Section{ID: "footprint", Title: "Footprint", Commands: []string{"unotify-bench kernel footprint"}, Text: []template.HTML{
		"Lines that the patches of our own kernel add, by mechanism: code is what a kernel is made of, without documentation and selftests. " +
			"<em>shared</em> is what each of the others needs, too.",
	}}
	pic := &figure.Rows{
		Head: figure.Head{Name: "footprint", Title: "Lines of code added, by mechanism"},
		Axis: figure.Axis{Label: "lines"},
	}
	t := &PageTable{Caption: "lines and files, by mechanism", Text: 1,
		Head: []string{"mechanism", "patches", "code added", "removed", "files", "documentation", "selftests", "in"}}
	sum := Footprint{Mech: "all"}
	row := func(f Footprint) {
		t.Rows = append(t.Rows, PageRow{Cells: words(f.Mech, fmt.Sprint(f.Patches), fmt.Sprint(f.Added), fmt.Sprint(f.Removed), fmt.Sprint(len(f.Files)),
			fmt.Sprint(f.Docs), fmt.Sprint(f.Tests), strings.Join(topmost(f.Files), " "))})
	}
	for _, f := range d.Footprints {
		bar := figure.Row{Label: f.Mech, Tone: figure.Good, Bar: true, Marks: []figure.Mark{{Value: float64(f.Added)}}, Title: fmt.Sprintf("%s: %d lines", f.Mech, f.Added)}
		if f.Posted {
			bar.Tone, bar.Gap = figure.Neutral, !slices.ContainsFunc(pic.Rows, func(r figure.Row) bool { return r.Tone == figure.Neutral })
			bar.Label += " (posted)"
			pic.Note = "grey: what others posted in 2026, about, as a whole"
			t.Rows = append(t.Rows, PageRow{Class: "aside", Cells: words(f.Mech+", posted: "+f.PostedComment, "", "≈ "+fmt.Sprint(f.Added), "", "", "", "", strings.Join(f.Files, " "))})
			pic.Rows = append(pic.Rows, bar)
			continue
		}
		sum.Patches, sum.Added, sum.Removed = sum.Patches+f.Patches, sum.Added+f.Added, sum.Removed+f.Removed
		sum.Docs, sum.Tests = sum.Docs+f.Docs, sum.Tests+f.Tests
		sum.Files = append(sum.Files, f.Files...)
		row(f)
		if f.Added > 0 {
			pic.Rows = append(pic.Rows, bar)
		}
	}
	slices.Sort(sum.Files)
	sum.Files = slices.Compact(sum.Files)
	at := slices.IndexFunc(t.Rows, func(r PageRow) bool { return r.Class == "aside" })
	rest := t.Rows
	if at >= 0 {
		t.Rows, rest = rest[:at:at], rest[at:]
	} else {
		rest = nil
	}
	row(sum)
	t.Rows[len(t.Rows)-1].Class = "sum"
	t.Rows = append(t.Rows, rest...)
	s.Pictures = []figure.Picture{pic}
	s.Tables = []*PageTable{t}
	s.Notes = []string{spared(sum.Files, d.Spare), "Files touched: " + strings.Join(sum.Files, ", ")}
	return s
}

// topmost lists the topmost directories of files.
func topmost(files []string) []string {
	var dirs []string
	for _, f := range files {
		dir, _, _ := strings.Cut(f, "/")
		if !slices.Contains(dirs, dir+"/") {
			dirs = append(dirs, dir+"/")
		}
	}
	return dirs
}

// spared says which of the directories that may be spared were.
func spared(files, spare []string) string {
	var touched, left []string
	dirs := topmost(files)
	for _, s := range spare {
		if slices.Contains(dirs, s+"/") {
			touched = append(touched, s+"/")
		} else {
			left = append(left, s+"/")
		}
	}
	if len(touched) == 0 {
		return "Not touched: " + list(left)
	}
	return "Not touched: " + list(left) + ". Touched: " + list(touched)
}
