package lava

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	running  = `{"id": 7, "state": "Running", "health": "Unknown", "description": "a", "actual_device": null, "submit_time": "2026-11-26T08:00:00.5Z", "start_time": null}`
	finished = `{"id": 7, "state": "Finished", "health": "Complete", "actual_device": "qemu-01", "requested_device_type": "qemu", "failure_comment": null}`
	missing  = `{"detail":"Not found."}`
)

// again is what is waited before the second try, the third, and so on.
var again = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// TestJob asks servers of all kinds for a job.
func TestJob(t *testing.T) {
	const request = "GET /api/v0.2/jobs/7/"
	for _, tt := range []struct {
		name  string
		steps []step
		asked int
		waits []time.Duration
		is    error  // nil: the job comes
		says  string // part of the error
	}{
		{"an answer", []step{answers(200, finished)}, 1, nil, nil, ""},
		{"a wrong token", []step{answers(403, `{"detail":"Invalid token."}`)}, 1, nil, ErrAuth, `the token is unknown, or its user may not do this: 403, "Invalid token."`},
		{"a proxy's login", []step{page(401)}, 1, nil, ErrAuth, "401"},
		{"no such job", []step{answers(404, missing)}, 1, nil, ErrNotFound, "no such job"},
		{"no LAVA", []step{page(404)}, 1, nil, ErrReply, "is the URL right?"},
		{"a page", []step{page(200)}, 1, nil, ErrReply, "a web page"},
		{"a page that says it is JSON", []step{answers(200, "\n <!DOCTYPE html>")}, 1, nil, ErrReply, "a web page"},
		{"a refusal", []step{answers(400, `{"message": "no \u001b[31mway"}`)}, 1, nil, ErrRefused, `400, "no \x1b[31mway"`},
		{"another refusal", []step{answers(405, `{"definition": ["required"]}`)}, 1, nil, ErrRefused, `definition`},
		{"no refusal of LAVA's", []step{func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "plain HTTP to HTTPS port", 400) }}, 1, nil, ErrReply, "is it https?"},
		{"nothing", []step{answers(204, "")}, 1, nil, ErrReply, "204"},
		{"broken for good", []step{page(500)}, tries, again, ErrUnreachable, "after 5 tries: 500"},
		{"restarted", []step{page(502), page(503), answers(200, finished)}, 3, again[:2], nil, ""},
		{"busy", []step{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, answers(200, finished)}, 2, []time.Duration{7 * time.Second}, nil, ""},
		{"busy for a year", []step{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "31536000")
			w.WriteHeader(503)
		}, answers(200, finished)}, 2, again[:1], nil, ""},
		{"cut", []step{cut(200, finished[:20]), answers(200, finished)}, 2, again[:1], nil, ""},
		{"cut, and nobody says", []step{answers(200, finished[:20]), answers(200, finished)}, 2, again[:1], nil, ""},
		{"empty", []step{answers(200, ""), answers(200, finished)}, 2, again[:1], nil, ""},
		{"always cut", []step{cut(200, finished[:20])}, tries, again, ErrUnreachable, "the reply was cut after 20 bytes"},
		{"dropped", []step{drop, drop, answers(200, finished)}, 3, again[:2], nil, ""},
		{"a list", []step{answers(200, `[]`)}, 1, nil, ErrReply, "array"},
		{"another job", []step{answers(200, `{"id": 8, "state": "Finished", "health": "Complete"}`)}, 1, nil, ErrReply, "this is no job 7"},
		{"a job without a state", []step{answers(200, `{"id": 7}`)}, 1, nil, ErrReply, "this is no job 7"},
		{"an ID that is no number", []step{answers(200, `{"id": "7", "state": "Finished"}`)}, 1, nil, ErrReply, "id"},
		{"no JSON", []step{answers(200, `id: 7`)}, 1, nil, ErrReply, "invalid character"},
		{"too much", []step{answers(200, strings.Repeat(" ", maxJob+1))}, 1, nil, ErrReply, "more than 16777216 bytes"},
		{"a gzip bomb, of whom nobody asked for gzip", []step{bomb}, 1, nil, ErrReply, "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c := serve(t, tt.steps...)
			job, err := c.Job(t.Context(), 7)
			check(t, err, tt.is, tt.says)
			if want := (Job{ID: 7, State: "Finished", Health: "Complete", Device: "qemu-01", DeviceType: "qemu"}); err == nil && job != want {
				t.Errorf("%+v", job)
			}
			if diff := cmp.Diff(slices.Repeat([]string{request}, tt.asked), f.asked()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.waits, f.waits); diff != "" {
				t.Errorf("waited (-want +got):\n%s", diff)
			}
			if len(f.logged) != len(f.waits) {
				t.Errorf("%d waits, and it says %q", len(f.waits), f.logged)
			}
			for _, r := range f.seen() {
				if r.auth != "Token "+token {
					t.Errorf("it was sent %q", r.auth)
				}
			}
		})
	}
}

// check looks at an error: of which kind it is, what it says, that it names the
// request, and not the token.
func check(t *testing.T, err, is error, says string) {
	t.Helper()
	if is == nil {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if !errors.Is(err, is) {
		t.Errorf("%v; want %v", err, is)
		return
	}
	for _, want := range []string{says, "lava: http", " api/v0.2/"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("the token is in %v", err)
	}
}

// bomb sends spaces, which gzip makes small.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	for range 1 << 5 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			return // the client has enough
		}
	}
	z.Close()
}

// TestJobRunning reads what a running job does not have.
func TestJobRunning(t *testing.T) {
	_, c := serve(t, answers(200, running))
	got, err := c.Job(t.Context(), 7)
	want := Job{ID: 7, State: "Running", Health: "Unknown", Name: "a", Submitted: time.Date(2026, 11, 26, 8, 0, 0, 5e8, time.UTC)}
	if err != nil || got != want || got.Finished() {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// TestAnonymous sends no token.
func TestAnonymous(t *testing.T) {
	f, c := serve(t, answers(403, `{"detail":"Authentication credentials were not provided."}`))
	c.Token = ""
	_, err := c.Job(t.Context(), 7)
	check(t, err, ErrAuth, "it wants a token")
	if seen := f.seen(); len(seen) != 1 || seen[0].auth != "" {
		t.Errorf("%+v", seen)
	}
}

// TestRedirect stays where it is.
func TestRedirect(t *testing.T) {
	other, _ := serve(t, answers(200, finished))
	f, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
	})
	_, err := c.Job(t.Context(), 7)
	check(t, err, ErrReply, `it sends on to "`+other.URL)
	_, err = c.Submit(t.Context(), "a: b\n")
	check(t, err, ErrReply, `it sends on to "`+other.URL)
	if len(f.asked()) != 2 || other.asked() != nil {
		t.Errorf("asked %q, and the other %q", f.asked(), other.asked())
	}
}

// TestScheme mixes up http and https, and meets a certificate of nobody's.
func TestScheme(t *testing.T) {
	plain, _ := serve(t, answers(200, finished))
	_, err := plain.client(strings.Replace(plain.URL, "http:", "https:", 1)).Job(t.Context(), 7)
	check(t, err, ErrReply, "it speaks http")

	f := unstarted(t, answers(200, finished))
	f.StartTLS()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	f.trust = []string{"cacert = " + quoteCurl(ca)}
	if _, err := f.client(f.URL).Job(t.Context(), 7); err != nil {
		t.Error(err)
	}
	_, err = f.client(strings.Replace(f.URL, "https:", "http:", 1)).Job(t.Context(), 7)
	check(t, err, ErrReply, "is it https?")
	c := f.client(f.URL)
	c.options = nil // knows the system's authorities only
	_, err = c.Job(t.Context(), 7)
	if err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	if len(f.asked()) != 1 || f.waits != nil {
		t.Errorf("asked %q, waited %v", f.asked(), f.waits)
	}
}

// TestURL has servers in a path, and no servers.
func TestURL(t *testing.T) {
	for _, suffix := range []string{"/lava", "/lava/"} {
		f, c := serve(t, answers(200, finished))
		c.URL += suffix
		if _, err := c.Job(t.Context(), 7); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"GET /lava/api/v0.2/jobs/7/"}, f.asked()); diff != "" {
			t.Error(diff)
		}
	}
	for _, url := range []string{"", "lava.example", "ftp://lava.example", "http://", "http://u:pa55@lava.example", "http://lava.example/?a=b", "http://lava.example/#a", "http://lava.example:port"} {
		c := &Client{URL: url, Wait: noWait}
		_, err := c.Job(t.Context(), 7)
		if err == nil || !strings.Contains(err.Error(), "no URL of a server") || strings.Contains(err.Error(), "pa55") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestNoServer connects to nobody.
func TestNoServer(t *testing.T) {
	f, c := serve(t, drop)
	f.Close()
	_, err := c.Job(t.Context(), 7)
	check(t, err, ErrUnreachable, "Failed to connect")
	if diff := cmp.Diff(again, f.waits); diff != "" {
		t.Errorf("waited (-want +got):\n%s", diff)
	}
}

// TestHang gives up on a server that takes requests and does not answer.
func TestHang(t *testing.T) {
	f, c := serve(t, hang)
	c.options = []string{"max-time = 0.2"}
	_, err := c.Job(t.Context(), 7)
	check(t, err, ErrUnreachable, "timed out")
	if diff := cmp.Diff(again, f.waits); diff != "" {
		t.Errorf("waited (-want +got):\n%s", diff)
	}
}

// TestCanceled ends when the caller wants it to, in a request and between two.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := c.Job(ctx, 7)
	check(t, err, context.Canceled, "")
	if len(f.asked()) != 1 || f.waits != nil {
		t.Errorf("asked %q, waited %v", f.asked(), f.waits)
	}

	ctx, cancel = context.WithCancel(t.Context())
	f, c = serve(t, page(500))
	c.Wait = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	_, err = c.Job(ctx, 7)
	check(t, err, context.Canceled, "")
	if len(f.asked()) != 1 {
		t.Errorf("asked %q", f.asked())
	}
}

// TestCancel looks before it asks.
func TestCancel(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []step
		asked []string
		is    error
	}{
		{"running", []step{answers(200, running), answers(200, `{"message":"Job cancel signal sent."}`)}, []string{"GET /api/v0.2/jobs/7/", "GET /api/v0.2/jobs/7/cancel/"}, nil},
		{"over", []step{answers(200, finished)}, []string{"GET /api/v0.2/jobs/7/"}, nil},
		{"none", []step{answers(404, missing)}, []string{"GET /api/v0.2/jobs/7/"}, ErrNotFound},
		{"another's", []step{answers(200, running), answers(403, `{"detail":"no"}`)}, []string{"GET /api/v0.2/jobs/7/", "GET /api/v0.2/jobs/7/cancel/"}, ErrAuth},
	} {
		f, c := serve(t, tt.steps...)
		check(t, c.Cancel(t.Context(), 7), tt.is, "")
		if diff := cmp.Diff(tt.asked, f.asked()); diff != "" {
			t.Errorf("%s: asked (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestLog fetches a log, and what is none.
func TestLog(t *testing.T) {
	f, c := serve(t, answers(200, "- {\"dt\": \"2026-11-26T08:00:00.5\", \"lvl\": \"target\", \"msg\": \"a\"}\n"))
	lines, err := c.Log(t.Context(), 7)
	want := []Line{{time.Date(2026, 11, 26, 8, 0, 0, 5e8, time.UTC), "target", "a"}}
	if diff := cmp.Diff(want, lines); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"GET /api/v0.2/jobs/7/logs/"}, f.asked()); diff != "" {
		t.Error(diff)
	}
	_, c = serve(t, answers(404, missing))
	_, err = c.Log(t.Context(), 7)
	check(t, err, ErrNotFound, "")
	f, c = serve(t, answers(404, missing), answers(200, running))
	if lines, err := c.Log(t.Context(), 7); err != nil || lines != nil {
		t.Errorf("a job that has not begun: %v, %v", lines, err)
	}
	if diff := cmp.Diff([]string{"GET /api/v0.2/jobs/7/logs/", "GET /api/v0.2/jobs/7/"}, f.asked()); diff != "" {
		t.Error(diff)
	}
	_, c = serve(t, answers(200, "hello\n"))
	_, err = c.Log(t.Context(), 7)
	check(t, err, ErrReply, `no job's log: "hello"`)
	_, c = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range maxLog>>20 + 1 {
			if _, err := io.WriteString(w, strings.Repeat("\n", 1<<20)); err != nil {
				return
			}
		}
	})
	_, err = c.Log(t.Context(), 7)
	check(t, err, ErrReply, fmt.Sprintf("more than %d bytes", maxLog))
}
