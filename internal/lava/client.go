package lava

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Client talks to one LAVA server.
type Client struct {
	URL   string // of the server, without /api
	Token string // empty: anonymous, who sees public jobs and submits none

	// Logf is nil, or is told what is tried again, and why.
	Logf func(format string, args ...any)
	// Wait is nil, or waits between tries: tests have no time.
	Wait func(ctx context.Context, d time.Duration) error

	options []string // of curl, for tests
}

// A Job is what the server knows of one.
type Job struct {
	ID     int
	State  string // Submitted, Scheduling, Scheduled, Running, Canceling, Finished
	Health string // Unknown until it is Finished; then Complete, Incomplete, Canceled

	Name       string
	DeviceType string
	Device     string // "" until it has one
	Failure    string // what went wrong, if somebody said
	Submitted  time.Time
	Started    time.Time // zero until then
	Ended      time.Time
}

// Finished tells whether nothing will happen to the job any more.
func (j Job) Finished() bool { return j.State == "Finished" }

// jobReply is a job as it comes.
type jobReply struct {
	ID         int        `json:"id"`
	State      string     `json:"state"`
	Health     string     `json:"health"`
	Name       text       `json:"description"`
	DeviceType text       `json:"requested_device_type"`
	Device     text       `json:"actual_device"`
	Failure    text       `json:"failure_comment"`
	Submitted  *time.Time `json:"submit_time"`
	Started    *time.Time `json:"start_time"`
	Ended      *time.Time `json:"end_time"`
	Definition text       `json:"original_definition"`
}

func readJob(b []byte, id int) (got jobReply, err error) {
	if err := json.Unmarshal(b, &got); err != nil {
		return jobReply{}, err
	}
	if got.ID != id || got.State == "" || got.Health == "" {
		return jobReply{}, fmt.Errorf("this is no job %d: %q", id, excerpt(b))
	}
	return got, nil
}

// Job asks what became of a job.
func (c *Client) Job(ctx context.Context, id int) (Job, error) {
	var got jobReply
	err := c.get(ctx, request{path: fmt.Sprintf("jobs/%d/", id), limit: maxJob, check: func(b []byte) (err error) {
		got, err = readJob(b, id)
		return err
	}})
	if err != nil {
		return Job{}, err
	}
	return Job{
		ID: id, State: got.State, Health: got.Health,
		Name: string(got.Name), DeviceType: string(got.DeviceType), Device: string(got.Device), Failure: string(got.Failure),
		Submitted: orZero(got.Submitted), Started: orZero(got.Started), Ended: orZero(got.Ended),
	}, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// A Case is one result of a job.
type Case struct {
	ID          int
	Suite       string // its name: a monitor's, 0_NAME for a test shell's, lava for the server's own
	Name        string
	Result      string // pass, fail, skip, unknown
	Measurement string // as the server writes it; "" if there is none
	Unit        string
}

// Cases fetches all results of a job, in order of their IDs, which is the order in
// which they came in.
func (c *Client) Cases(ctx context.Context, id int) ([]Case, error) {
	type row struct {
		ID          int    `json:"id"`
		Suite       int    `json:"suite"`
		Name        string `json:"name"`
		Result      string `json:"result"`
		Measurement text   `json:"measurement"`
		Unit        text   `json:"unit"`
	}
	rows, err := list(ctx, c, fmt.Sprintf("jobs/%d/tests/", id), func(r row) int { return r.ID })
	if err != nil {
		return nil, err
	}
	type suite struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	// After the cases: a suite is there before its first case is.
	suites, err := list(ctx, c, fmt.Sprintf("jobs/%d/suites/", id), func(s suite) int { return s.ID })
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, s := range suites {
		names[s.ID] = s.Name
	}
	cases := make([]Case, len(rows))
	for i, r := range rows {
		name, ok := names[r.Suite]
		if !ok || r.Name == "" || r.Result == "" {
			return nil, fmt.Errorf("lava: %s: %w: result %d of job %d has the suite %d, the name %q and the result %q", c.server(), ErrReply, r.ID, id, r.Suite, r.Name, r.Result)
		}
		cases[i] = Case{r.ID, name, r.Name, r.Result, string(r.Measurement), string(r.Unit)}
	}
	return cases, nil
}

// Log fetches what a job has logged so far. A job that has not begun has logged
// nothing; the server says then that there is no such thing, as of a job that it does
// not have.
func (c *Client) Log(ctx context.Context, id int) ([]Line, error) {
	var lines []Line
	err := c.get(ctx, request{path: fmt.Sprintf("jobs/%d/logs/", id), limit: maxLog, check: func(b []byte) (err error) {
		lines, err = readLog(b)
		return err
	}})
	if errors.Is(err, ErrNotFound) {
		_, err = c.Job(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// Cancel asks for the end of a job, which then is not over at once. It says nothing
// of a job that is over. The job is looked at first: asked to cancel a job that it
// does not have, a server fails as if it were broken.
func (c *Client) Cancel(ctx context.Context, id int) error {
	job, err := c.Job(ctx, id)
	if err != nil || job.Finished() {
		return err
	}
	return c.get(ctx, request{path: fmt.Sprintf("jobs/%d/cancel/", id), limit: maxJob, check: func(b []byte) error {
		var got struct {
			Message string `json:"message"`
		}
		return json.Unmarshal(b, &got)
	}})
}

// text is a string, a number as it is written, or nothing.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err == nil {
		if s != nil {
			*t = text(*s)
		}
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = text(n)
	return nil
}
