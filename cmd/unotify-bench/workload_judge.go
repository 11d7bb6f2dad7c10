package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"unotify-bench/bench/workload"
	"unotify-bench/internal/report"
)

// verdictJudge compares what the policy decided through each mechanism, which
// must be the same.
type verdictJudge struct {
	mu    sync.Mutex
	order []string
	rows  map[string][]workload.Row // by place and workload
}

func (j *verdictJudge) add(where string, row workload.Row) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := where + " " + row.Cell.Workload
	if j.rows == nil {
		j.rows = map[string][]workload.Row{}
	}
	if j.rows[key] == nil {
		j.order = append(j.order, key)
	}
	j.rows[key] = append(j.rows[key], row)
}

// conclude says what does not agree, and what somebody should know.
func (j *verdictJudge) conclude(program bool) (failures, notes []string) {
	for _, key := range j.order {
		rows := j.rows[key]
		f, n := compareVerdicts(key, rows, program)
		failures, notes = append(failures, f...), append(notes, n...)
		failures = append(failures, compareAttacks(key, rows)...)
	}
	return failures, notes
}

// compareVerdicts wants the list of verdicts to be the same in every row that
// has one. A program may not repeat itself (names of temporary files, timing):
// that shows where one mechanism has two lists, and then only what was denied
// counts, and that not either if it differs there, too.
func compareVerdicts(key string, rows []workload.Row, program bool) (failures, notes []string) {
	lists := func(r workload.Row) string { return r.Verdicts }
	denials := func(r workload.Row) string { return fmt.Sprint(r.Refusals) }
	what, hash := "decided", lists
	if program && !repeats(rows, lists) {
		notes = append(notes, key+": the program does not name the same files each time, so only what was denied is compared")
		if what, hash = "denied", denials; !repeats(rows, denials) {
			return nil, append(notes, key+": nor is it denied the same each time, so verdicts are not compared")
		}
	}
	var first *workload.Row
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Verdicts == "":
		case first == nil:
			first = r
			if r.Status != 0 {
				notes = append(notes, fmt.Sprintf("%s: ended with status %d, as the policy denied it %s", key, r.Status, someRefusals(r)))
			}
		case hash(*r) != hash(*first):
			text := fmt.Sprintf("%s: through %s and %s different calls were %s (%d of %d denied, %d of %d denied)", key,
				first.Cell.Mech, r.Cell.Mech, what, first.Denied, first.Notified, r.Denied, r.Notified)
			if denials(*r) != denials(*first) {
				text += ": " + someRefusals(first) + " against " + someRefusals(r)
			}
			if program {
				text += "; --count 2 tells whether the program repeats itself"
			}
			failures = append(failures, text)
		case r.Status != first.Status:
			failures = append(failures, fmt.Sprintf("%s: ended with status %d through %s, with %d through %s", key, first.Status, first.Cell.Mech, r.Status, r.Cell.Mech))
		}
	}
	return slices.Compact(failures), notes
}

// repeats reports whether no mechanism gave two different answers.
func repeats(rows []workload.Row, answer func(workload.Row) string) bool {
	of := map[string]string{}
	for _, r := range rows {
		before, seen := of[r.Cell.Mech]
		if seen && before != answer(r) {
			return false
		}
		of[r.Cell.Mech] = answer(r)
	}
	return true
}

func someRefusals(r *workload.Row) string {
	if len(r.Refusals) == 0 {
		return "nothing"
	}
	text := clean(strings.Join(r.Refusals[:min(2, len(r.Refusals))], ", "))
	if more := len(r.Refusals) - 2; more > 0 {
		text += ", …"
	}
	return text
}

// compareAttacks wants an attack to win where the catalogue says that it can,
// and nowhere else.
func compareAttacks(key string, rows []workload.Row) (failures []string) {
	racy, won := false, 0
	for _, r := range rows {
		switch {
		case r.Tries == 0:
		case report.SafetyOf(r.Cell.Mech) == report.Racy:
			racy = true
			won += r.Breaches
		case r.Breaches > 0:
			failures = append(failures, fmt.Sprintf("%s: %s opened a forbidden file in %d of %d tries", key, r.Cell.Mech, r.Breaches, r.Tries))
		}
	}
	if racy && won == 0 {
		failures = append(failures, key+": the attack is too weak here: it won against none of those who must lose")
	}
	return failures
}
