package lava

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const job9 = `{"job_ids": [9]}`

// here answers a search with a job that has the definition of the first POST.
func here(f **fake) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		var sent struct{ Definition string }
		if err := json.Unmarshal([]byte((*f).seen()[0].body), &sent); err != nil {
			panic(err)
		}
		page, err := json.Marshal(map[string]any{"results": []map[string]any{
			{"id": 10, "original_definition": "somebody else's"},
			{"id": 9, "original_definition": sent.Definition},
		}})
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, "%s", page)
	}
}

// TestSubmit submits to servers that lose it at all points. There is one POST, but
// where that made no job.
func TestSubmit(t *testing.T) {
	var f *fake
	none := answers(200, `{"results": []}`)
	others := answers(200, `{"results": [{"id": 10, "original_definition": "somebody else's"}]}`)
	found := here(&f)
	for _, tt := range []struct {
		name  string
		steps []step
		asked string // P for a submission, s for a search
		waits int    // how many; they grow
		is    error
		says  string
	}{
		{"an answer", []step{answers(201, job9)}, "P", 0, nil, ""},
		{"a refusal", []step{answers(400, `{"message": "required key not provided @ data['visibility']"}`)}, "P", 0, ErrRefused, "visibility"},
		{"too large", []step{page(413)}, "P", 0, ErrRefused, "413"},
		{"no token", []step{answers(403, `{"detail":"Authentication credentials were not provided."}`)}, "P", 0, ErrAuth, ""},
		{"no LAVA", []step{page(200)}, "P", 0, ErrReply, "200"},
		{"no API", []step{answers(404, `{"detail":"Not found."}`)}, "P", 0, ErrReply, "is the URL right?"},
		{"not created", []step{answers(200, job9)}, "P", 0, ErrReply, "200"},

		// The server says that it failed.
		{"failed", []step{page(500), none, answers(201, job9)}, "PsP", 1, nil, ""},
		{"failed twice", []step{page(500), others, page(500), none, answers(201, job9)}, "PsPsP", 2, nil, ""},
		{"failed, with a job", []step{page(500), found}, "Ps", 1, nil, ""},
		{"failed for good", []step{page(500), none, page(500), none, page(500), none, page(500), none, page(500), none}, "PsPsPsPsPs", 5, ErrUnreachable, "a tag that it does not have"},
		{"failed, and no search", []step{page(500), answers(403, `{"detail":"no"}`)}, "Ps", 1, ErrUncertain, "403"},

		// It does not answer.
		{"dropped", []step{drop, found}, "Ps", 1, nil, ""},
		{"dropped, and late", []step{drop, none, others, found}, "Psss", 3, nil, ""},
		{"dropped, and no job", []step{drop, none}, "Psssss", 5, ErrUncertain, "unotify-bench submission "},
		{"dropped, and the server stays away", []step{drop}, "Psssss", 5, ErrUncertain, "no answer"},
		{"a proxy lost patience", []step{page(504), none, found}, "Pss", 2, nil, ""},
		{"a proxy lost the server", []step{page(502), none, found}, "Pss", 2, nil, ""},
		{"failed, then dropped", []step{page(500), none, drop, found}, "PsPs", 2, nil, ""},

		// It accepts, and does not say what.
		{"cut", []step{cut(201, `{"job_`), found}, "Ps", 1, nil, ""},
		{"cut, and nobody says", []step{answers(201, `{"job_`), found}, "Ps", 1, nil, ""},
		{"no ID", []step{answers(201, `{"job_ids": []}`), found}, "Ps", 1, nil, ""},
		{"an ID that is none", []step{answers(201, `{"job_ids": [0]}`), found}, "Ps", 1, nil, ""},
		{"a list", []step{answers(201, `[9]`), found}, "Ps", 1, nil, ""},
		{"a page", []step{page(201), none}, "P", 0, ErrReply, "a web page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c *Client
			f, c = serve(t, tt.steps...)
			ids, err := c.Submit(t.Context(), "a: b\n")
			check(t, err, tt.is, tt.says)
			if err == nil && !slices.Equal(ids, []int{9}) {
				t.Errorf("jobs %v", ids)
			}
			asked, first := "", ""
			for i, a := range f.asked() {
				switch {
				case a == "POST /api/v0.2/jobs/":
					asked += "P"
					if first == "" {
						first = f.seen()[i].body
					}
					if f.seen()[i].body != first {
						t.Errorf("submitted %q, then %q", first, f.seen()[i].body)
					}
				case strings.HasPrefix(a, "GET /api/v0.2/jobs/?limit=10&ordering=-id&original_definition__contains=unotify-bench+submission+"):
					asked += "s"
				default:
					asked += a
				}
			}
			if asked != tt.asked {
				t.Errorf("asked %s; want %s", asked, tt.asked)
			}
			if len(f.waits) != tt.waits || !slices.IsSorted(f.waits) {
				t.Errorf("waited %v; want %d, and ever longer", f.waits, tt.waits)
			}
		})
	}
}

// TestSubmitMark submits twice: what is sent is the definition, after a comment
// that is another each time.
func TestSubmitMark(t *testing.T) {
	f, c := serve(t, answers(201, job9))
	const definition = "---\njob_name: \"<&>\"\n"
	var marks []string
	for i := range 2 {
		if _, err := c.Submit(t.Context(), definition); err != nil {
			t.Fatal(err)
		}
		var sent map[string]string
		if err := json.Unmarshal([]byte(f.seen()[i].body), &sent); err != nil {
			t.Fatal(err)
		}
		mark, rest, _ := strings.Cut(sent["definition"], "\n")
		if len(sent) != 1 || !strings.HasPrefix(mark, "# unotify-bench submission ") || rest != definition {
			t.Errorf("sent %q", sent)
		}
		marks = append(marks, mark)
	}
	if marks[0] == marks[1] {
		t.Errorf("twice the mark %q", marks[0])
	}
}

// TestSubmitLarge keeps to itself what no look at the job could bring back.
func TestSubmitLarge(t *testing.T) {
	c := &Client{URL: "http://lava.example", Wait: noWait}
	if _, err := c.Submit(t.Context(), strings.Repeat("a", maxDefinition+1)); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

// TestSubmitOffline submits when there is a connection, without a search, and not
// if there never is one.
func TestSubmitOffline(t *testing.T) {
	f, c := serve(t, answers(201, job9))
	address := f.Listener.Addr().String()
	f.Close() // nobody listens there for a while
	back, _ := serve(t)
	c.Wait = func(ctx context.Context, d time.Duration) error {
		if f.waits = append(f.waits, d); len(f.waits) < tries-1 {
			return ctx.Err()
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		back = unstarted(t, answers(201, job9))
		back.Listener.Close()
		back.Listener = l
		back.Start()
		return ctx.Err()
	}
	if _, err := c.Submit(t.Context(), "a: b\n"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"POST /api/v0.2/jobs/"}, back.asked()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(again, f.waits); diff != "" {
		t.Errorf("waited (-want +got):\n%s", diff)
	}
	back.Close()
	c.Wait = noWait
	_, err := c.Submit(t.Context(), "a: b\n")
	check(t, err, ErrUnreachable, "Failed to connect")
	if errors.Is(err, ErrUncertain) {
		t.Error(err)
	}
}

// TestSubmitCanceled is uncertain once the request is on its way.
func TestSubmitCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f, c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	for _, uncertain := range []bool{true, false} {
		_, err := c.Submit(ctx, "a: b\n")
		check(t, err, context.Canceled, "")
		if errors.Is(err, ErrUncertain) != uncertain {
			t.Errorf("%v", err)
		}
	}
	if len(f.asked()) != 1 {
		t.Errorf("asked %q", f.asked())
	}
}

// rows answers a request for a list: as many as it wants, or less.
func rows(total, most int, row func(i int) string, next string) step {
	return func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
		offset, err2 := strconv.Atoi(r.URL.Query().Get("offset"))
		if err != nil || err2 != nil {
			offset = 0 // as a server that does not know them
		}
		var all []string
		for i := offset; i < min(total, offset+min(limit, most)); i++ {
			all = append(all, row(i))
		}
		link := "null"
		if offset+len(all) < total {
			link = `"` + next + `"`
		}
		fmt.Fprint(w, `{"count": 1, "next": `+link+`, "results": [`+strings.Join(all, ",")+`]}`)
	}
}
