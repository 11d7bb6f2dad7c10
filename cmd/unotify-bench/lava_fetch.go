package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unotify-bench/internal/lava"
)

// lavaFetcher gets what came of the jobs of a directory.
type lavaFetcher struct {
	*app
	*lavaDir
	lavaFetchFlags
	client *lava.Client
	bar    *progress
	heard  map[string][]*heard // by job, a run after the other
	open   map[string]string   // jobs that have not ended, and what the lab calls that
}

func (a *app) lavaFetch(ctx context.Context, dir string, f lavaFetchFlags) error {
	write := abiWriters[f.format]
	if write == nil || f.format == lavaFormat {
		return usageError("unknown format %q: known are junit, json, ktap, table", f.format)
	}
	open := openLavaDir
	if f.wait && f.retry > 0 {
		open = openToSubmit
	}
	d, err := open(dir)
	if err != nil {
		return err
	}
	defer d.lock.Close() // nil is no error that counts
	// Its checks are known here, but may have meant something else there.
	if d.Version != version() {
		a.note("the jobs were written by unotify-bench %s, and this is %s: it judges them by its own checks", clean(d.Version), version())
	}
	l := &lavaFetcher{app: a, lavaDir: d, lavaFetchFlags: f, bar: a.newProgress(), heard: map[string][]*heard{}}
	defer l.bar.End()
	if len(f.logs) > 0 {
		err = l.readLogs()
	} else {
		if l.client, err = f.client(a); err == nil {
			err = l.fetch(ctx)
		}
	}
	if err != nil {
		return err
	}
	l.bar.End()
	return l.report(write)
}

// readLogs takes what lava-run has printed, of these jobs and of those before: what is
// read is kept in the directory.
func (l *lavaFetcher) readLogs() error {
	for _, arg := range l.logs {
		name, path, ok := strings.Cut(arg, "=")
		if !ok {
			return usageError("--log is %q; want NAME=FILE, the job's name and what lava-run printed for it", arg)
		}
		j, err := l.job(name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return usageError("--log: %w", err)
		}
		if err := l.readLog(j, path, text); err != nil {
			return err
		}
		if err := writeWhole(filepath.Join(l.path, name+".log"), text); err != nil {
			return err
		}
	}
	for i := range l.Jobs {
		j := &l.Jobs[i]
		kept := filepath.Join(l.path, j.Name+".log")
		text, err := os.ReadFile(kept)
		if errors.Is(err, os.ErrNotExist) || len(l.heard[j.Name]) > 0 {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.readLog(j, kept, text); err != nil {
			return err
		}
	}
	return nil
}

func (l *lavaFetcher) readLog(j *lavaJob, path string, text []byte) error {
	cases, lines, err := lava.ReadRunLog(bytes.NewReader(text))
	if err != nil {
		return usageError("--log %s: %w", path, err)
	}
	l.heard[j.Name] = append(l.heard[j.Name], j.hear(path, "", cases, lines))
	return nil
}

// fetch asks the lab about every submission, and again while something is to come if
// that is wanted. A lab that cannot be asked is a problem of the job in question: what
// was heard of others, or before, stays.
func (l *lavaFetcher) fetch(ctx context.Context) error {
	if len(l.submissions) == 0 {
		return usageError("nothing of %s was submitted: unotify-bench lava submit %s", l.path, l.path)
	}
	l.bar.Step("fetch from " + l.client.URL)
	ctx, cancel := context.WithTimeoutCause(ctx, l.limit, errLavaLimit)
	defer cancel()
	known := map[int]*heard{}
	for {
		pending := l.ask(ctx, known)
		l.bar.Done(int64(len(l.Jobs)-len(l.open)), int64(len(l.Jobs)))
		if l.wait {
			pending = l.again(ctx) || pending
		}
		switch {
		case errors.Is(context.Cause(ctx), errLavaLimit):
			return nil // what has ended is reported, the rest is named
		case ctx.Err() != nil:
			return ctx.Err()
		case !l.wait || !pending:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(l.poll):
		}
	}
}

var errLavaLimit = errors.New("--limit is over")

// ask asks about each submission that is not known to have ended, and reports whether
// something is to come. A job is open while one runs and those that have ended have not
// done all of it.
func (l *lavaFetcher) ask(ctx context.Context, known map[int]*heard) (pending bool) {
	l.open = map[string]string{}
	for i := range l.Jobs {
		j := &l.Jobs[i]
		var runs []*heard
		var open []string
		waits := false
		for _, s := range l.of(j.Name) {
			if s.ID == 0 {
				open = append(open, "may have been submitted: see unotify-bench lava submit "+l.path)
				continue
			}
			if s.Server != l.client.URL {
				open = append(open, fmt.Sprintf("job %d was submitted to %s", s.ID, clean(s.Server)))
				continue
			}
			h := known[s.ID]
			if h == nil {
				var err error
				if h, err = l.one(ctx, j, s.ID); err != nil {
					open = append(open, sanitize(err.Error()))
					waits = waits || !errors.Is(err, lava.ErrNotFound) && !errors.Is(err, lava.ErrAuth)
					continue
				}
			}
			if !h.ended() {
				open, waits = append(open, h.String()), true
				continue
			}
			if !h.textless {
				known[s.ID] = h
			}
			runs = append(runs, h)
		}
		if len(runs)+len(open) == 0 {
			open = append(open, "not submitted")
		}
		l.heard[j.Name] = runs
		if done := len(runs) > 0 && merged(runs).whole(j); !done && len(open) > 0 {
			l.open[j.Name] = strings.Join(open, "; ")
			pending = pending || waits
		}
	}
	return pending
}

// ended reports whether a run has.
func (h *heard) ended() bool { return h.checks != nil }

// whole reports whether a run has done all.
func (h *heard) whole(j *lavaJob) bool {
	checks, rows := h.lacks(j)
	return len(checks)+len(rows) == 0
}

// one asks about one submission. Of a job that has not ended there is only the state,
// unless it never will.
func (l *lavaFetcher) one(ctx context.Context, j *lavaJob, id int) (*heard, error) {
	what := fmt.Sprintf("job %d", id)
	job, err := l.client.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	// A worker that is gone ends no job, and a server ends none either.
	lost := !job.Finished() && !job.Started.IsZero() && time.Since(job.Started) > time.Duration(l.Minutes+lavaSilence)*time.Minute
	if !job.Finished() && !lost {
		return &heard{what: what, state: clean(job.State)}, nil
	}
	cases, err := l.client.Cases(ctx, id)
	if err != nil {
		return nil, err
	}
	// Without its log a job has its verdicts, but not what unknown stands for.
	lines, logErr := l.client.Log(ctx, id)
	if logErr != nil {
		l.note("%s: no texts: %v", what, logErr)
	}
	h := j.hear(what, clean(job.Health), cases, lines)
	h.textless = logErr != nil
	h.isOf(clean(job.Device))
	if lost {
		h.state, h.gap = clean(job.State), fmt.Sprintf("it should have ended after %d minutes: its worker is gone", l.Minutes)
		if err := l.client.Cancel(ctx, id); err != nil && job.State == "Running" {
			l.note("%s cannot be canceled: %v", what, err)
		}
	}
	return h, nil
}

// again submits once more what has not done all, as often as --retry says, and reports
// whether anything was.
func (l *lavaFetcher) again(ctx context.Context) (submitted bool) {
	for i := range l.Jobs {
		j := &l.Jobs[i]
		runs := l.heard[j.Name]
		if l.open[j.Name] != "" || len(runs) == 0 || len(l.of(j.Name)) > l.retry || merged(runs).whole(j) {
			continue
		}
		s, err := l.submit(ctx, l.client, j)
		if err != nil {
			l.open[j.Name] = sanitize("could not be submitted again: " + err.Error())
			continue
		}
		checks, rows := merged(runs).lacks(j)
		l.note("%s: %s lacks %d checks and %d rows: submitted again as job %d", j.Name, runs[len(runs)-1], len(checks), len(rows), s.ID)
		l.open[j.Name], submitted = "submitted again", true
	}
	return submitted
}

// merged is what several runs of a job come to: each check and each row once, from the
// last run that has it.
func merged(runs []*heard) *heard {
	m := &heard{checks: map[string]lavaVerdict{}, rows: map[string][]*lavaRow{}}
	for _, h := range runs {
		for id, v := range h.checks {
			m.checks[id] = v
		}
		for name, row := range h.rows {
			if h.wholeRow(name) || !m.wholeRow(name) {
				m.rows[name] = row
			}
		}
	}
	return m
}
