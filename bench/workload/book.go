package workload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"unotify-bench/internal/lazy"
)

// book is the list of verdicts. Adding to it costs what copying a name costs:
// what is made of it waits until the target has ended.
type book struct {
	names   []byte
	entries []entry
	// racy counts the calls that were allowed in a way that lets the kernel
	// read the caller's memory again.
	racy int
}

type entry struct {
	kind    kind
	verdict verdict
	end     int // of its name
}

func (b *book) add(k kind, v verdict, name []byte) {
	b.names = append(b.names, name...)
	b.entries = append(b.entries, entry{k, v, len(b.names)})
}

func (b *book) denied() (n int) {
	for _, e := range b.entries {
		if e.verdict == denied {
			n++
		}
	}
	return n
}

// processID is a name's part that no two runs have in common.
var processID = lazy.Regexp(`/proc/[0-9]+`)

// lines is the list, sorted, without the names that begin with what differs
// from run to run: strip is spelled DIR. Only distinct lines are there if
// distinct is set.
func (b *book) lines(strip string, distinct bool) []string {
	var lines []string
	at := 0
	for _, e := range b.entries {
		name := b.names[at:e.end]
		at = e.end
		if strip != "" {
			name = bytes.ReplaceAll(name, []byte(strip), []byte("DIR"))
		}
		name = processID().ReplaceAll(name, []byte("/proc/PID"))
		lines = append(lines, fmt.Sprintf("%s %s %q", kinds[e.kind].name, verdictNames[e.verdict], name))
	}
	slices.Sort(lines)
	if distinct {
		lines = slices.Compact(lines)
	}
	return lines
}

var verdictNames = [...]string{allowed: "allowed", denied: "denied", faulty: "faulty", gone: "gone"}

// hashLines is what tells whether two lists are one.
func hashLines(lines []string) string {
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil))
}
