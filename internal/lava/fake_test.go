package lava

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const token = "5ecre7"

// A step is what a fake server answers to one request.
type step func(w http.ResponseWriter, r *http.Request)

// A fake is a server that answers by a script, and notes what it is asked.
type fake struct {
	*httptest.Server
	steps  []step   // the last is repeated
	trust  []string // of a server with a certificate of its own
	waits  []time.Duration
	logged []string

	mu   sync.Mutex
	came []came
}

// came is a request that came in.
type came struct{ request, body, auth string }

func (f *fake) seen() []came {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.came)
}

// asked tells what was asked for.
func (f *fake) asked() []string {
	var all []string
	for _, c := range f.seen() {
		all = append(all, c.request)
	}
	return all
}

// serve starts a server with a script, and makes a client of it that does not wait.
func serve(t *testing.T, steps ...step) (*fake, *Client) {
	t.Helper()
	f := unstarted(t, steps...)
	f.Start()
	return f, f.client(f.URL)
}

func unstarted(t *testing.T, steps ...step) *fake {
	f := &fake{steps: steps}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.answer))
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are the test
	t.Cleanup(f.Close)
	return f
}

func (f *fake) client(url string) *Client {
	return &Client{
		URL: url, Token: token + "\n", options: f.trust,
		Wait: func(ctx context.Context, d time.Duration) error {
			f.waits = append(f.waits, d)
			return ctx.Err()
		},
		Logf: func(format string, args ...any) { f.logged = append(f.logged, fmt.Sprintf(format, args...)) },
	}
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.came = append(f.came, came{r.Method + " " + r.URL.RequestURI(), string(body), r.Header.Get("Authorization")})
	next := f.steps[min(len(f.came), len(f.steps))-1]
	f.mu.Unlock()
	next(w, r)
}

// answers says it as LAVA does.
func answers(code int, body string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func page(code int) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(code)
		fmt.Fprint(w, "<html>a page of many lines</html>")
	}
}

// cut promises more than it sends.
func cut(code int, body string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// drop closes the connection instead of answering.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// A proxy loses replies.
type proxy struct {
	url   string
	posts atomic.Int32
}

// loser passes requests on, and breaks the connection instead of answering a POST.
func loser(t *testing.T, to string) *proxy {
	p := &proxy{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header, req.ContentLength = r.Header.Clone(), r.ContentLength
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if r.Method == http.MethodPost {
			p.posts.Add(1)
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	p.url = strings.TrimSuffix(s.URL, "/")
	return p
}
