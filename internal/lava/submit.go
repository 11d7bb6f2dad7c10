package lava

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Submit submits a job and returns its ID.
//
// A submission that failed is repeated only where that cannot make a second job:
// there was no connection, or the server said that it failed, and says that there
// is no such job. It can tell, as the definition begins with a comment of random
// letters, and a server keeps what it got, comments and all. Where no answer came, a
// job that is not there yet may still come to be: then it is looked for some times,
// and the error is ErrUncertain, with the comment.
//
// Some mistakes in a definition look like a broken server: 2023.01 answers 500 to a
// tag that it does not have. So the error of a server that fails says that, too.
//
// Not for multinode jobs: what the server keeps of those is not found so.
func (c *Client) Submit(ctx context.Context, definition string) ([]int, error) {
	if len(definition) > maxDefinition {
		return nil, fmt.Errorf("lava: %w: a definition of %d bytes; at most %d, as it comes back twice with each look at the job", ErrRefused, len(definition), maxDefinition)
	}
	mark := "unotify-bench submission " + rand.Text()
	body, err := json.Marshal(map[string]string{"definition": "# " + mark + "\n" + definition})
	if err != nil {
		return nil, err
	}
	var ids []int
	r := request{path: "jobs/", post: body, limit: maxJob, check: func(b []byte) (err error) {
		ids, err = submitted(b)
		return err
	}}
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return nil, c.named(r, ctx.Err())
		}
		err := c.try(ctx, r)
		var f *failure
		switch again := errors.As(err, &f) && f.again; {
		case err == nil:
			return ids, nil
		case ctx.Err() != nil:
			return nil, c.uncertain(r, mark, err)
		case !again:
			return nil, c.named(r, err)
		case f.done != unsent:
			if found, err := c.lost(ctx, r, mark, f, n); err != nil || len(found) > 0 {
				return found, err
			}
		}
		if n == tries {
			if f.done == answered {
				err = fmt.Errorf("%w; a server fails so, too, at a definition with a tag that it does not have", err)
			}
			return nil, c.gaveUp(r, err)
		}
		if f.done == unsent { // else lost has waited
			if err := c.pause(ctx, r, f, n); err != nil {
				return nil, c.named(r, err)
			}
		}
	}
}

// submitted reads what a server says of a job that it took.
func submitted(body []byte) ([]int, error) {
	var got struct {
		IDs []int `json:"job_ids"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, err
	}
	if len(got.IDs) == 0 || slices.Min(got.IDs) <= 0 {
		return nil, fmt.Errorf("it names no job: %q", excerpt(body))
	}
	return got.IDs, nil
}

// lost looks for the job of a submission whose try n failed. No job and no error
// means that there is none and will be none.
func (c *Client) lost(ctx context.Context, r request, mark string, f *failure, n int) ([]int, error) {
	for ; ; n++ {
		if err := c.pause(ctx, r, f, min(n, tries-1)); err != nil {
			return nil, c.uncertain(r, mark, errors.Join(f, err))
		}
		found, err := c.marked(ctx, mark)
		switch {
		case err != nil:
			return nil, c.uncertain(r, mark, errors.Join(f, err))
		case len(found) > 0:
			if c.Logf != nil {
				c.Logf("lava: %s: %v: there is job %v of it", c.server(), r, found)
			}
			return found, nil
		case f.done == answered:
			return nil, nil
		case n >= tries:
			return nil, c.uncertain(r, mark, f)
		}
	}
}

// marked finds jobs by a text in their definition, the newest first. It looks itself,
// and only at the newest: a server that does not know the filter leaves it out.
func (c *Client) marked(ctx context.Context, mark string) ([]int, error) {
	var page struct {
		Results []jobReply `json:"results"`
	}
	query := url.Values{"original_definition__contains": {mark}, "ordering": {"-id"}, "limit": {"10"}}
	err := c.get(ctx, request{path: "jobs/", query: query, limit: maxJob, check: func(b []byte) error {
		page.Results = nil
		if err := json.Unmarshal(b, &page); err != nil {
			return err
		}
		if page.Results == nil {
			return fmt.Errorf("this is no list of jobs: %q", excerpt(b))
		}
		return nil
	}})
	var ids []int
	for _, job := range page.Results {
		if job.ID > 0 && strings.Contains(string(job.Definition), mark) {
			ids = append(ids, job.ID)
		}
	}
	return ids, err
}

func (c *Client) uncertain(r request, mark string, err error) error {
	return c.named(r, fmt.Errorf("%w: before you submit it again, look for a job with %q in its definition: %w", ErrUncertain, mark, err))
}
