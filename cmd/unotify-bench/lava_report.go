package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"unotify-bench/abi/suite"
)

// report prints what was heard, and writes it down.
func (l *lavaFetcher) report(write func(*abiReport) error) error {
	problems, lanes, err := l.collect()
	if err != nil {
		return err
	}
	table := &abiReport{w: l.stdout, lanes: lanes, verbose: l.verbose}
	if len(lanes) > 0 {
		err = errors.Join(write(table), l.writeVerdicts(lanes))
	}
	if err != nil {
		return err
	}
	bad := table.bad()
	for _, p := range problems {
		fmt.Fprintf(l.stderr, "unotify-bench: %s\n", plain(p))
	}
	switch {
	case len(problems) > 0 && bad != "":
		return failure("not every job did what it should have, and %s", bad)
	case len(problems) > 0:
		return failure("not every job did what it should have")
	case bad != "":
		return failure("%s", bad)
	}
	return nil
}

// collect makes lanes and the results file of what was heard.
func (l *lavaFetcher) collect() (problems []string, lanes []*abiLane, err error) {
	path := filepath.Join(l.path, "results.txt")
	// Made anew each time, from all jobs; the old one stays until the new one is whole.
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	s, err := newSink("text", path+newSuffix, false, l.stdout)
	if err != nil {
		return nil, nil, err
	}
	rows := 0
	for i := range l.Jobs {
		j := &l.Jobs[i]
		runs := l.heard[j.Name]
		if len(l.logs) > 0 && len(runs) == 0 {
			continue // nobody spoke of it
		}
		for i, h := range runs {
			for _, doubt := range h.doubts {
				problems = append(problems, fmt.Sprintf("%s, %s: %s", j.Name, h, doubt))
			}
			if h.gap != "" && !slices.ContainsFunc(runs[i:], func(later *heard) bool { return later.gap == "" && later.whole(j) }) {
				problems = append(problems, fmt.Sprintf("%s, %s: %s", j.Name, h, h.gap))
			}
		}
		if state := l.open[j.Name]; state != "" {
			problems = append(problems, fmt.Sprintf("%s: %s", j.Name, state))
		}
		if len(runs) == 0 {
			continue
		}
		m := merged(runs)
		problems = append(problems, m.missing(j, runs[len(runs)-1])...)
		n, err := l.storeRows(s, j, m)
		if err != nil {
			return nil, nil, err
		}
		rows += n
		if len(j.Checks) > 0 {
			lanes = l.laneFor(lanes, j, m)
		}
	}
	if rows == 0 {
		s.discard()
		return problems, lanes, nil
	}
	if l.format == "table" {
		o := l.tableOptions(l.stdout)
		o.All = true
		err = s.set.Table(l.stdout, o)
	}
	if err = errors.Join(err, s.close()); err == nil {
		err = os.Rename(path+newSuffix, path)
	}
	return problems, lanes, err
}

// missing says what a job has not done, of which the last run is named.
func (h *heard) missing(j *lavaJob, last *heard) (problems []string) {
	checks, rows := h.lacks(j)
	if len(checks) > 0 {
		problems = append(problems, fmt.Sprintf("%s, %s: %d of %d checks have no verdict, %s the first", j.Name, last, len(checks), len(j.Checks), checks[0]))
	}
	if len(rows) > 0 {
		problems = append(problems, fmt.Sprintf("%s, %s: %d of %d rows have no figures, %s the first", j.Name, last, len(rows), len(j.Rows), rows[0]))
	}
	return problems
}

func (h *heard) String() string {
	if h.state == "" {
		return h.what
	}
	return fmt.Sprintf("%s (%s)", h.what, h.state)
}

// storeRows stores the figures of a job.
func (l *lavaFetcher) storeRows(s *sink, j *lavaJob, m *heard) (n int, err error) {
	accel := "board"
	if l.DeviceType == "qemu" {
		accel = "tcg"
	}
	const deviceKey = 7 // of keys
	keys := laneKeys{
		{"goos", "linux"}, {"goarch", j.Arch}, {"kernel", j.Release}, {"kernel-sha256", j.KernelSHA256},
		{"accel", accel}, {"clock", "wall"}, {"device-type", l.DeviceType}, {"device", ""}, {"unotify-bench", l.Version},
	}
	for run := range j.Count {
		for _, name := range j.Rows {
			if !m.wholeRow(name) {
				continue
			}
			row := m.rows[name][run]
			if row.na != nil {
				na := *row.na
				na.Where = j.Arch
				err = s.na(na)
			} else {
				keys[deviceKey][1] = row.device
				err = s.result(row.result(name, keys))
			}
			if err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// laneFor puts the verdicts of a job into its architecture's lane.
func (l *lavaFetcher) laneFor(lanes []*abiLane, j *lavaJob, m *heard) []*abiLane {
	where := j.Arch + "-" + l.DeviceType
	i := slices.IndexFunc(lanes, func(o *abiLane) bool { return o.Where == where })
	if i < 0 {
		i = len(lanes)
		again := fmt.Sprintf("unotify-bench lava job --on %s --device-type %s --run none -o again", j.Arch, l.DeviceType)
		if l.Expect != "" {
			again += " --expect " + l.Expect
		}
		lanes = append(lanes, &abiLane{Where: where, Release: j.Release, rerun: again + " --abi '--run %s'"})
	}
	for _, id := range j.Checks {
		v, ok := m.checks[id]
		if !ok {
			v = lavaVerdict{suite.Error, "no device has told", false}
		}
		lanes[i].row(suite.Find(id), v.Verdict, v.text)
	}
	lanes[i].inOrder(suite.Catalogue())
	return lanes
}

// writeVerdicts writes verdicts.json, whatever is printed.
func (l *lavaFetcher) writeVerdicts(lanes []*abiLane) error {
	path := filepath.Join(l.path, "verdicts.json")
	out, err := l.openVerdicts(path + newSuffix)
	if err != nil {
		return err
	}
	r := &abiReport{w: out, lanes: lanes}
	if err := errors.Join(out.begin(), r.json(), out.failed(), out.Close()); err != nil {
		return err
	}
	return os.Rename(path+newSuffix, path)
}
