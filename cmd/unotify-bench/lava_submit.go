package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
)

// lavaLedgerFile has a line for each submission: once that it is tried, and once with
// the number that the lab gave it.
const lavaLedgerFile = "submitted.jsonl"

// A submission is one of a job to a lab. A job can have several.
type submission struct {
	Job    string `json:"job"`
	Server string `json:"server"`
	Try    int    `json:"try"`          // of this job, from 1
	ID     int    `json:"id,omitempty"` // 0 in the line that is written before
	// Refused is what the lab said that made no job of it; the line before is void.
	Refused string `json:"refused,omitempty"`
}

// lavaDir is a directory that `lava job` has written.
type lavaDir struct {
	path string
	lock *os.File // of the ledger: two that submit would do it twice
	lavaPlan
	submissions []submission
}

// openToSubmit opens a directory for the only process that may submit from it.
func openToSubmit(path string) (*lavaDir, error) {
	// First what the user named, then what is made there.
	if _, err := openLavaDir(path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lavaLedgerFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("write down what is submitted: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		lock.Close()
		return nil, usageError("another process submits from %s: wait for it", path)
	}
	d, err := openLavaDir(path) // as it is now
	if err != nil {
		lock.Close()
		return nil, err
	}
	d.lock = lock
	return d, nil
}

func openLavaDir(path string) (*lavaDir, error) {
	d := &lavaDir{path: path}
	text, err := os.ReadFile(filepath.Join(path, lavaPlanFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError("%s has no %s: name the directory that lava job has written", path, lavaPlanFile)
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &d.lavaPlan); err != nil {
		return nil, usageError("%s: %w: write the jobs anew", filepath.Join(path, lavaPlanFile), err)
	}
	if d.Format != lavaPlanFormat {
		return nil, usageError("%s is of %s, which writes format %d, and this program reads %d: use that version, or write the jobs anew",
			filepath.Join(path, lavaPlanFile), clean(d.Version), d.Format, lavaPlanFormat)
	}
	for _, j := range d.Jobs {
		if err := j.check(); err != nil {
			return nil, usageError("%s: %w: write the jobs anew", filepath.Join(path, lavaPlanFile), err)
		}
		for _, id := range j.Checks {
			if suite.Find(id) == nil {
				return nil, usageError("%s: this program has no check %.80q: use that of %s, which wrote the jobs, or write them anew", filepath.Join(path, lavaPlanFile), id, clean(d.Version))
			}
		}
	}
	return d, d.readLedger()
}

func (d *lavaDir) readLedger() error {
	f, err := os.Open(filepath.Join(d.path, lavaLedgerFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s submission
		// A line that was cut is the last one: its submission was tried.
		if json.Unmarshal(lines.Bytes(), &s) != nil || s.Try < 1 || s.ID < 0 {
			continue
		}
		d.put(s)
	}
	return lines.Err()
}

// put takes in a line of the ledger: the second of a try says what became of it.
func (d *lavaDir) put(s submission) {
	i := slices.IndexFunc(d.submissions, func(o submission) bool { return o.Job == s.Job && o.Try == s.Try })
	if i < 0 {
		d.submissions = append(d.submissions, s)
		return
	}
	d.submissions[i] = s
}

// of is what was submitted of a job, in order, but for what was refused.
func (d *lavaDir) of(job string) (of []submission) {
	for _, s := range d.submissions {
		if s.Job == job && s.Refused == "" {
			of = append(of, s)
		}
	}
	return of
}

// job finds one by its name.
func (d *lavaDir) job(name string) (*lavaJob, error) {
	var names []string
	for i := range d.Jobs {
		if d.Jobs[i].Name == name {
			return &d.Jobs[i], nil
		}
		names = append(names, d.Jobs[i].Name)
	}
	return nil, usageError("%s has no job %q; it has: %s", d.path, name, strings.Join(names, ", "))
}

// submit submits a job once more, and has that on disk before and after: a lab can have
// taken a job of which it could not tell the number any more.
func (d *lavaDir) submit(ctx context.Context, c *lava.Client, j *lavaJob) (submission, error) {
	definition, err := os.ReadFile(filepath.Join(d.path, j.Name+".yaml"))
	if err != nil {
		return submission{}, err
	}
	s := submission{Job: j.Name, Server: c.URL, Try: 1}
	for _, o := range d.submissions {
		if o.Job == j.Name {
			s.Try++
		}
	}
	if err := d.enter(s); err != nil {
		return s, err
	}
	ids, err := c.Submit(ctx, string(definition))
	if err != nil {
		// With any other error there is no job.
		if !errors.Is(err, lava.ErrUncertain) && !errors.Is(err, context.Canceled) {
			s.Refused = clean(err.Error())
			err = errors.Join(err, d.enter(s))
		}
		return s, fmt.Errorf("%s: %w", j.Name, err)
	}
	if len(ids) != 1 {
		return s, fmt.Errorf("%s: the lab made %d jobs of one, %v", j.Name, len(ids), ids)
	}
	s.ID = ids[0]
	return s, d.enter(s)
}

// enter appends a line to the ledger, on disk when it returns.
func (d *lavaDir) enter(s submission) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	// A line that was cut is ended first.
	if _, err = d.lock.Write(slices.Concat([]byte("\n"), line, []byte("\n"))); err == nil {
		err = d.lock.Sync()
	}
	if err != nil {
		return fmt.Errorf("write down what was submitted: %w", err)
	}
	d.put(s)
	return nil
}

// client is for the lab that flags name.
func (f *lavaServerFlags) client(a *app) (*lava.Client, error) {
	if f.server == "" {
		return nil, usageError("--server says which lab, as https://lava.lab")
	}
	u, err := lava.ParseURL(f.server)
	if err != nil {
		return nil, usageError("--server: %w", err)
	}
	c := &lava.Client{URL: strings.TrimRight(f.server, "/"), Logf: a.note}
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, usageError("--token-file: %w", err)
		}
		if c.Token = strings.TrimSpace(string(text)); c.Token == "" {
			return nil, usageError("--token-file %s is empty", f.tokenFile)
		}
		if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && !ip.IsLoopback() && u.Hostname() != "localhost" {
			a.note("warning: over http everybody on the way reads the token: has %s no https?", u.Host)
		}
	}
	return c, nil
}

func (a *app) lavaSubmit(ctx context.Context, dir string, f lavaServerFlags, again []string) error {
	c, err := f.client(a)
	if err != nil {
		return err
	}
	d, err := openToSubmit(dir)
	if err != nil {
		return err
	}
	defer d.lock.Close()
	for _, name := range again {
		if _, err := d.job(name); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.limit, errLavaLimit)
	defer cancel()
	var lost []string
	for i := range d.Jobs {
		j := &d.Jobs[i]
		if had := d.of(j.Name); len(had) > 0 && !slices.Contains(again, j.Name) {
			last := had[len(had)-1]
			if last.ID == 0 {
				lost = append(lost, fmt.Sprintf("%s may have been submitted to %s, which then said nothing: look at its list of jobs, and then --again %s", j.Name, clean(last.Server), j.Name))
				continue
			}
			fmt.Fprintf(a.stdout, "%s  job %d, submitted before\n", j.Name, last.ID)
			continue
		}
		s, err := d.submit(ctx, c, j)
		if err != nil && errors.Is(context.Cause(ctx), errLavaLimit) {
			return fmt.Errorf("%w: %w", errLavaLimit, err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s  job %d  %s/scheduler/job/%d\n", j.Name, s.ID, c.URL, s.ID)
	}
	if len(lost) > 0 {
		return failure("%s", strings.Join(lost, "\n"))
	}
	return nil
}
