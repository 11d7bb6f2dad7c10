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

	"golang.org/x/sys/unix"
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
	Where  string `json:"where"`
	Kernel string `json:"kernel"`
	SHA256 string `json:"kernel-sha256,omitempty"` // of its image; a host has none
	Fault  string `json:"fault,omitempty"`
	Length int    `json:"length,omitempty"`
	Ends   bool   `json:"ends,omitempty"`
	Part   string `json:"part,omitempty"` // of sequences and ends
	Ops    int64  `json:"ops,omitempty"`
	Seed   uint64 `json:"seed,omitempty"` // of programs by chance
}

// newFuzzOrder leaves out what does not change what is done.
func newFuzzOrder(p *fuzzPlan, where, release, sha256 string) fuzzOrder {
	o := fuzzOrder{Where: where, Kernel: release, SHA256: sha256, Fault: p.fault, Length: p.length, Ends: p.ends, Ops: p.ops}
	if p.length > 0 || p.ends {
		o.Part = p.part
	}
	if p.ops > 0 {
		o.Seed = p.seed
	}
	return o
}

// ledgerMax bounds a ledger, in bytes.
const ledgerMax = 64 << 20

// openFuzzLedger reads a ledger, of which there may be none yet. A last line that was
// cut short is left out, as it is by add.
func openFuzzLedger(path string) (*fuzzLedger, error) {
	l := &fuzzLedger{path: path}
	if path == "" {
		return l, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > ledgerMax) {
		err = fmt.Errorf("%s is no file of %d MiB at most", path, ledgerMax>>20)
	}
	if err != nil {
		return nil, usageError("--ledger: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError("--ledger: %w", err)
	}
	n := 0
	for line := range bytes.Lines(text) {
		if n++; !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		p, err := parseFuzzPiece(line)
		if err != nil {
			return nil, usageError("--ledger: %s, line %d is none of a ledger: %w", path, n, err)
		}
		l.pieces = append(l.pieces, *p)
	}
	return l, nil
}

func parseFuzzPiece(line []byte) (*fuzzPiece, error) {
	var p fuzzPiece
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, err
	}
	switch _, err := dec.Token(); {
	case !errors.Is(err, io.EOF):
		return nil, errors.New("something follows its object")
	case p.Where == "" || p.Kernel == "":
		return nil, errors.New("it does not say which kernel it is of")
	case min(p.Operations, p.Programs, int64(p.Findings)) < 0:
		return nil, errors.New("it counts below 0")
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
	err := func() error {
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		// A file system without locks has this less.
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
		text, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		end := int64(bytes.LastIndexByte(text, '\n') + 1)
		if err := f.Truncate(end); err != nil {
			return err
		}
		if _, err := f.Seek(end, io.SeekStart); err != nil {
			return err
		}
		_, err = (&lineFile{File: f, at: end, end: end}).Write(append(line, '\n'))
		return err
	}()
	if err != nil {
		return fmt.Errorf("add to --ledger: %w", err)
	}
	return nil
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
