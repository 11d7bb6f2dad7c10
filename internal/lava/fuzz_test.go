package lava

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
)

// FuzzReply: whatever a server answers is a success of what was asked for, or an error
// that a terminal can show.
func FuzzReply(f *testing.F) {
	f.Add(200, "application/json", "", []byte(`{"job_ids":[7]}`))
	f.Add(400, "application/json", "", []byte(`{"message":"a\u001b[2J"}`))
	f.Add(302, "text/html", "http://other\x1b/", []byte("<html>"))
	f.Add(503, "", "", []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, status int, kind, location string, body []byte) {
		c := &Client{URL: "http://lab"}
		r := &reply{Status: status, Kind: kind, Location: location, RetryAfter: kind, body: body}
		ids, submitErr := submitted(body)
		if submitErr == nil && !json.Valid(body) || len(ids) > len(body) {
			t.Errorf("%q is the jobs %v", body, ids)
		}
		post := request{path: "jobs/", post: body, check: func(b []byte) error { _, err := submitted(b); return err }}
		judged := checked(post, body)
		if (judged == nil) != (submitErr == nil) {
			t.Errorf("%v, and then %v", submitErr, judged)
		}
		for _, err := range []error{c.complaint(r), judged} {
			if err == nil {
				continue
			}
			text := err.Error()
			if len(text) > 8000+4*len(location) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("%d bytes for a terminal: %q", len(text), text)
			}
			var fail *failure
			if errors.As(err, &fail) && fail.after > mostWait {
				t.Errorf("it is to wait %v", fail.after)
			}
		}
	})
}

// FuzzPage: a list of jobs, or a job, is what it is read as, or an error that a terminal
// can show.
func FuzzPage(f *testing.F) {
	f.Add(7, []byte(`{"next":null,"results":[{"id":7,"state":"Finished","health":"Complete","original_definition":"# x"}]}`))
	f.Add(7, []byte(`{"id":7,"state":"Finished","health":"Complete","description":null,"submit_time":"2026-11-24T12:00:00Z"}`))
	f.Add(0, []byte(`{"next":"http://other/?limit=1","results":[]}`))
	f.Fuzz(func(t *testing.T, id int, body []byte) {
		p, err := readPage[jobReply](body)
		if err == nil && (p.Results == nil || len(p.Results) > pageSize || !json.Valid(body)) {
			t.Errorf("%q is a page of %d", body, len(p.Results))
		}
		job, jobErr := readJob(body, id)
		if jobErr == nil && (job.ID != id || !json.Valid(body)) {
			t.Errorf("%q is job %d", body, id)
		}
		for _, err := range []error{err, jobErr} {
			if err == nil {
				continue
			}
			r := request{path: "jobs/", check: func([]byte) error { return err }}
			if text := checked(r, body).Error(); len(text) > 8000 || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("%d bytes for a terminal: %q", len(text), text)
			}
		}
	})
}

// FuzzCurl: nothing that a server's URL, a token or a query has becomes a line of
// curl's configuration of its own.
func FuzzCurl(f *testing.F) {
	f.Add("https://lab/\"\noutput = \"/etc/passwd", "Token x\r\nHost: y")
	lines := func(url, header string) int {
		return bytes.Count([]byte((&transfer{url: url, headers: []string{header}}).config()), []byte("\n"))
	}
	want := lines("u", "h")
	f.Fuzz(func(t *testing.T, url, header string) {
		if got := lines(url, header); got != want {
			t.Errorf("%d lines, want %d", got, want)
		}
		quoted := quoteCurl(url)
		in := strings.NewReplacer(`\\`, "", `\"`, "").Replace(quoted[1 : len(quoted)-1])
		if strings.ContainsAny(in, "\"\n\r") {
			t.Errorf("%q is quoted as %s", url, quoted)
		}
	})
}
