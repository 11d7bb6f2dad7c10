package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// A journal lies beside a results file while a run is under way, so that
// --resume can go on where it ended. Its unit is what can only be had as a
// whole: of measurements one round on the host, or one virtual machine; a
// check. It is removed when the run is complete.
type journal[Row any] struct {
	mu   sync.Mutex
	path string
	file *lineFile
	old  map[string][]Row // complete units of the run that is resumed
}

// entry is one line of a journal.
type entry[Row any] struct {
	Plan string `json:"plan,omitempty"` // first line: what is being measured
	Unit string `json:"unit,omitempty"`
	Row  *Row   `json:"row,omitempty"`
	End  bool   `json:"end,omitempty"` // the unit is complete
}

// errNoJournal says that there is nothing to resume.
var errNoJournal = errors.New("no interrupted run to resume")

// openJournal begins the journal of a run at path, or one that is kept
// nowhere if that is empty. With resume set, it first takes in what an
// earlier run of the same plan left there.
func openJournal[Row any](path, plan string, resume bool) (*journal[Row], error) {
	j := &journal[Row]{path: path, old: map[string][]Row{}}
	if path == "" {
		if resume {
			return nil, usageError("%w: -o is no regular file", errNoJournal)
		}
		return j, nil
	}
	if resume {
		if err := j.load(plan); err != nil {
			return nil, err
		}
	}
	// The old journal is replaced only by a complete new one, so that a
	// second interruption loses nothing. Its name is free, or was left by a run
	// that was killed here: the results file is locked.
	f, err := os.Create(path + newSuffix)
	if err != nil {
		return nil, fmt.Errorf("write a journal beside the results: %w", err)
	}
	j.file = &lineFile{File: f}
	err = j.write(entry[Row]{Plan: plan})
	for unit, rows := range j.old {
		for i := range rows {
			err = errors.Join(err, j.write(entry[Row]{Unit: unit, Row: &rows[i]}))
		}
		err = errors.Join(err, j.write(entry[Row]{Unit: unit, End: true}))
	}
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, fmt.Errorf("write a journal beside the results: %w", err)
	}
	return j, nil
}

func (j *journal[Row]) load(plan string) error {
	f, err := os.Open(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return usageError("%w at %s", errNoJournal, j.path)
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var first entry[Row]
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || first.Plan != plan {
		return usageError("%s is of another run (other flags, kernel or version): measure anew without --resume", j.path)
	}
	rows := map[string][]Row{}
	for lines.Scan() {
		var e entry[Row]
		// A line that was cut is the last one; what it began is not complete.
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			break
		}
		switch {
		case e.Row != nil:
			rows[e.Unit] = append(rows[e.Unit], *e.Row)
		case e.End:
			j.old[e.Unit] = rows[e.Unit]
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the journal %s: %w", j.path, err)
	}
	return nil
}

func (j *journal[Row]) write(e entry[Row]) error {
	if j.file == nil {
		return nil
	}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// replay hands the rows of a unit that is complete already to take, and
// reports whether it was. A file is believed no more than a guest: check is asked
// about all of them before.
func (j *journal[Row]) replay(unit string, check func([]Row) error, take func(Row) error) (bool, error) {
	rows, ok := j.old[unit]
	if !ok {
		return false, nil
	}
	if err := check(rows); err != nil {
		return true, usageError("%s is damaged, %s: %w: measure anew without --resume", j.path, unit, err)
	}
	for _, r := range rows {
		if err := take(r); err != nil {
			return true, err
		}
	}
	return true, nil
}

// row stores a row of a unit that is being measured.
func (j *journal[Row]) row(unit string, r Row) error { return j.write(entry[Row]{Unit: unit, Row: &r}) }

// end marks a unit as complete.
func (j *journal[Row]) end(unit string) error { return j.write(entry[Row]{Unit: unit, End: true}) }

// close ends the journal; a complete run needs none.
func (j *journal[Row]) close(complete bool) error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	if complete {
		err = errors.Join(err, os.Remove(j.path))
	}
	return err
}
