package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/fuzz"
)

// A fuzzLedger is the file of `fuzz --ledger`: a line for what a place did of an order.
// Millions of operations are the work of many runs, on several machines; the ledger has
// what they come to, and says which of them need not be done again.
type fuzzLedger struct {
	path   string // "" if there is none
	pieces []fuzzPiece
}

// fuzzPiece is a line of it. What was ordered is all that makes two pieces the same.
type fuzzPiece struct {
	fuzzOrder
	Operations int64 `json:"operations"`
	Programs   int64 `json:"programs"`
	Situations int   `json:"situations"`
	Places     int   `json:"places,omitempty"`
	Findings   int   `json:"findings"`
	// Whole is whether all that was ordered was done: of what was interrupted the
	// operations count, too.
	Whole bool `json:"whole"`
}

// fuzzOrder is what was to be done, and to which kernel.
type fuzzOrder struct {
	Where     string `json:"where"`
	Kernel    string `json:"kernel"`
	SHA256    string `json:"kernel-sha256,omitempty"` // of its image; a host has none
	CPUs      int    `json:"cpus,omitempty"`          // of the machine
	Fault     string `json:"fault,omitempty"`
	Length    int    `json:"length,omitempty"`
	Ends      bool   `json:"ends,omitempty"`
	Part      string `json:"part,omitempty"` // of sequences and ends
	Ops       int64  `json:"ops,omitempty"`
	Seed      uint64 `json:"seed,omitempty"` // of programs by chance
	Generator string `json:"generator"`      // which makes the same programs of all this
	// Rules are those of abi/fuzz that it went by: 0 is what was before a ledger had them.
	Rules int `json:"rules,omitempty"`
}

// newFuzzOrder leaves out what does not change what is done.
func newFuzzOrder(p *fuzzPlan, where, release, sha256 string) fuzzOrder {
	o := fuzzOrder{Where: where, Kernel: release, SHA256: sha256, Fault: p.fault, Length: p.length, Ends: p.ends, Ops: p.ops}
	if where != host {
		o.CPUs = p.cpus
	}
	if p.length > 0 || p.ends {
		o.Part = p.part
	}
	if p.ops > 0 {
		o.Seed = p.seed
	}
	if p.ledger != "" {
		o.Generator, o.Rules = p.order.Generator(), fuzz.Rules
	}
	return o
}

// ledgerMax bounds a ledger, in bytes.
const ledgerMax = 64 << 20

// openFuzzLedger reads a ledger, or makes one: whether it can be written is known before
// the work. What is none is left as it is.
func openFuzzLedger(path string) (*fuzzLedger, error) {
	l := &fuzzLedger{path: path}
	if path == "" {
		return l, nil
	}
	text, err := func() ([]byte, error) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > ledgerMax {
			return nil, errors.Join(err, fmt.Errorf("%s is no file of %d MiB at most", path, ledgerMax>>20))
		}
		return io.ReadAll(f)
	}()
	if err != nil {
		return nil, usageError("--ledger: %w", err)
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		p, err := parseFuzzPiece(line)
		if err != nil && isCut(line) {
			break
		}
		if err != nil {
			return nil, usageError("--ledger: %s, line %d is none of a ledger: %w", path, n, err)
		}
		l.pieces = append(l.pieces, *p)
	}
	return l, nil
}

// isCut reports whether a line is the beginning of one, as add may leave it that is
// killed.
func isCut(line []byte) bool {
	const begin = `{"where":"`
	return !bytes.HasSuffix(line, []byte("\n")) && bytes.HasPrefix(line, []byte(begin)[:min(len(line), len(begin))])
}

func parseFuzzPiece(line []byte) (*fuzzPiece, error) {
	var p fuzzPiece
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its object")
	}
	if p.Where == "" || p.Kernel == "" {
		return nil, errors.New("it does not say which kernel it is of")
	}
	for _, n := range []int64{p.Operations, p.Programs, p.Ops, int64(p.Situations), int64(p.Places), int64(p.Findings), int64(p.Length), int64(p.CPUs), int64(p.Rules)} {
		if n < 0 || n > countMax {
			return nil, fmt.Errorf("it counts %d of something", n)
		}
	}
	if p.Length > 0 || p.Ends {
		if _, _, err := parsePart(p.Part); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// has is the piece that is all of an order, nil if there is none. What was found is to be
// found again: the ledger does not have the program.
func (l *fuzzLedger) has(o fuzzOrder) *fuzzPiece {
	i := slices.IndexFunc(l.pieces, func(p fuzzPiece) bool { return p.fuzzOrder == o && p.Whole && p.Findings == 0 })
	if i < 0 {
		return nil
	}
	return &l.pieces[i]
}

// add appends a piece, as a whole line or not at all. Others may do so at the same time.
func (l *fuzzLedger) add(p fuzzPiece) error {
	l.pieces = append(l.pieces, p)
	if err := l.write(p); err != nil {
		return fmt.Errorf("add to --ledger: %w", err)
	}
	return nil
}

func (l *fuzzLedger) write(p fuzzPiece) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	// A file system without locks has this check less.
	for try := 0; errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK); try++ {
		if try == 100 {
			return fmt.Errorf("another run is writing %s", l.path)
		}
		time.Sleep(20 * time.Millisecond)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	end := int64(bytes.LastIndexByte(text, '\n') + 1)
	if rest := text[end:]; len(rest) > 0 && !isCut(rest) || isWhole(rest) {
		end = int64(len(text))
		line = append([]byte("\n"), line...)
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return err
	}
	_, err = (&lineFile{File: f, at: end, end: end}).Write(append(line, '\n'))
	return err
}

// isWhole reports whether a line is one of a ledger.
func isWhole(line []byte) bool {
	_, err := parseFuzzPiece(line)
	return err == nil
}

// sum is what the ledger comes to, in words.
func (l *fuzzLedger) sum() string {
	var ops, programs int64
	findings := 0
	var where []string
	for _, p := range l.pieces {
		ops += p.Operations
		programs += p.Programs
		findings += p.Findings
		if !slices.Contains(where, p.Where) {
			where = append(where, p.Where)
		}
	}
	slices.Sort(where)
	return fmt.Sprintf("%d operations in %d programs on %s, %d findings", ops, programs, strings.Join(where, ", "), findings)
}
