package lava

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// What a reply may have, unpacked. A job comes with its definition twice.
	maxJob, maxPage, maxLog = 16 << 20, 4 << 20, 32 << 20
	// 2023.01 takes 20 MB and more; servers in front of it usually do not.
	maxDefinition = 3 << 20
	// A server that is restarted is back in less: 1+2+4+8 s.
	tries               = 5
	firstWait, mostWait = time.Second, time.Minute
)

// A request is one that is made, and what its reply has to be.
type request struct {
	path  string // below api/v0.2/
	query url.Values
	post  []byte // nil: get
	limit int64
	check func(body []byte) error // what is wrong with it
}

func (r request) String() string {
	method := "GET"
	if r.post != nil {
		method = "POST"
	}
	return method + " api/v0.2/" + r.path
}

// get asks until there is an answer: for requests that change nothing, or nothing
// more when they are made twice.
func (c *Client) get(ctx context.Context, r request) error {
	for n := 1; ; n++ {
		err := c.try(ctx, r)
		var f *failure
		if !errors.As(err, &f) || !f.again {
			return c.named(r, err)
		}
		if n == tries {
			return c.gaveUp(r, err)
		}
		if err := c.pause(ctx, r, f, n); err != nil {
			return c.named(r, err)
		}
	}
}

// named says whom and what an error is about.
func (c *Client) named(r request, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lava: %s: %v: %w", c.server(), r, err)
}

// server is the URL for messages: without a password, if somebody put one in.
func (c *Client) server() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return strconv.Quote(c.URL)
	}
	return u.Redacted()
}

func (c *Client) gaveUp(r request, err error) error {
	return c.named(r, fmt.Errorf("%w after %d tries: %w", ErrUnreachable, tries, err))
}

// pause waits before the next try: for twice as long as before the last, or for
// as long as the server asks for.
func (c *Client) pause(ctx context.Context, r request, f *failure, n int) error {
	d := min(max(firstWait<<(n-1), f.after), mostWait)
	if c.Logf != nil {
		c.Logf("lava: %s: %v: %v; again in %v", c.server(), r, f.error, d)
	}
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// try makes the request once.
func (c *Client) try(ctx context.Context, r request) error {
	t, err := c.transfer(r)
	if err != nil {
		return err
	}
	rep, err := t.do(ctx, r.limit)
	if err != nil {
		return err
	}
	want := 200
	if r.post != nil {
		want = 201
	}
	switch {
	case rep.Status == 0:
		return rep.unanswered()
	case rep.Status == 404 && r.path == "jobs/": // no job was asked for
		return fmt.Errorf("%w: there is no API 0.2 of LAVA; is the URL right? %d, %s", ErrReply, rep.Status, rep.says())
	case rep.Status != want:
		return c.complaint(rep)
	case rep.tooMuch:
		return fmt.Errorf("%w: more than %d bytes, which none has", ErrReply, r.limit)
	case rep.Exit != 0:
		return &failure{error: fmt.Errorf("the reply was cut after %d bytes: %s", len(rep.body), rep.Error), again: true, done: silent}
	case rep.isPage():
		return fmt.Errorf("%w but a web page; the URL has to be that of the server, without /api", ErrReply)
	}
	return checked(r, rep.body)
}

// ParseURL reads the URL of a server. The error does not repeat it, as there may be a
// password in it.
func ParseURL(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("this is no URL of a server; want https://HOST or http://HOST, and a path if it has one")
	}
	return u, nil
}

// transfer is what curl is to do for a request.
func (c *Client) transfer(r request) (*transfer, error) {
	base, err := ParseURL(c.URL)
	if err != nil {
		return nil, err
	}
	base = base.JoinPath("api/v0.2/", r.path)
	base.RawQuery = r.query.Encode()
	t := &transfer{url: base.String(), post: r.post, options: c.options}
	t.headers = append(t.headers, "Accept: application/json")
	if r.post != nil {
		t.headers = append(t.headers, "Content-Type: application/json")
	}
	if token := strings.TrimSpace(c.Token); token != "" {
		t.headers = append(t.headers, "Authorization: Token "+token)
	}
	return t, nil
}
