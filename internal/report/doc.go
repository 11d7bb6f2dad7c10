// Package report turns results into what people and tools read.
//
// Results come as benchfmt results, one a line of a results file and one a
// seed or repetition of a run; committed files and live runs look the same
// here. The package knows benchmark names, file keys and units, and nothing
// of Linux, QEMU or how anything was measured.
//
//   - [Read] and [ReadFile] take a results file in, doubting it (read.go, check.go).
//   - A [Writer] puts results out as they come: benchfmt, json or perf
//     (write.go, perf.go). [Row] documents the JSON.
//   - A [Set] collects results by [Lane], that is by where they were measured
//     (set.go), and [Set.Table] prints them for a terminal (table.go for what
//     is shown, layout.go for how it fits, legend.go for the words around it).
//   - [Compare] compares two files (compare.go; which rows: compare_match.go and
//     compare_select.go; one row: compare_pair.go), a [Gate] judges what comes of
//     it (gate.go), and it prints as text, mail, Markdown and HTML
//     (compare_text.go and so on; compare_figures.go has what they share).
//   - A [Page] shows all of it (page.go; what is drawn of a clock: page_group.go,
//     page_latency.go, page_spread.go, page_sweep.go; races, checks and so on have
//     files of their names). [ReadInput] tells its files by what they hold
//     (input.go), and page.html.tmpl, page.css and page.js are what it looks like.
//   - [Mechanisms] says what each mechanism promises (catalogue.go).
//
// Results of different clocks, accelerators, kernels or architectures never
// merge: they are different lanes.
package report
