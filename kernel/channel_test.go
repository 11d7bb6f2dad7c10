package kernel

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"io"

	"github.com/google/go-cmp/cmp"
)

func TestChannel(t *testing.T) {
	const (
		one   = `{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"r","seq":1,"kind":"k","data":[1]}}` + "\n"
		two   = `{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"r","seq":2,"kind":"k"}}` + "\n"
		three = `{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"r","seq":3,"kind":"k"}}` + "\n"
		done  = `{"hugelgupf_vmtest_guest_action":"done","Actual":{"run":"r","seq":2,"kind":"done","data":{"code":3}}}` + "\n"
	)
	tests := []struct {
		name string
		in   string
		seqs []uint64
		is   error
		says string
	}{
		{"nothing", "", nil, nil, ""},
		{"two", one + two, []uint64{1, 2}, nil, ""},
		{"done", one + done, []uint64{1}, nil, ""},
		{"half", one + two[:20], []uint64{1}, nil, ""},
		{"empty line", one + "\n", []uint64{1}, ErrProtocol, `""`},
		{"no json", one + "hello\n", []uint64{1}, ErrProtocol, `"hello"`},
		{"json, not ours", "[1]\n", nil, ErrProtocol, `"[1]"`},
		{"wrong type", strings.Replace(one, `"seq":1`, `"seq":-1`, 1), nil, ErrProtocol, "seq"},
		{"twice", one + one, []uint64{1}, ErrProtocol, "number 1 follows number 1"},
		{"gap", one + three, []uint64{1}, ErrProtocol, "number 3 follows number 1"},
		{"other run", strings.Replace(one, `"r"`, `"s"`, 1), nil, ErrProtocol, `run "s"`},
		{"other run's done", one + strings.Replace(done, `"r"`, `"s"`, 1), []uint64{1}, ErrProtocol, `run "s"`},
		{"after done", one + done + three, []uint64{1}, ErrProtocol, "after it had said done"},
		{"done twice", one + done + done, []uint64{1}, ErrProtocol, "after it had said done"},
		{"done without code", one + strings.Replace(done, `{"code":3}`, `"x"`, 1), []uint64{1}, ErrProtocol, "done"},
		{"long line", strings.Repeat("x", 201), nil, ErrProtocol, "longer than 200 bytes"},
		{"long line with end", strings.Repeat("x", 201) + "\n", nil, ErrProtocol, "longer than 200 bytes"},
		{"deep", strings.Repeat("[", 199) + "\n", nil, ErrProtocol, "[[["},
		{"many", one + two + three, []uint64{1, 2}, ErrFlood, "more than 2 events"},
	}
	for _, tt := range tests {
		for name, split := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				c := channel{run: "r", lim: limits{line: 200, events: 2}}
				var seqs []uint64
				err := feedAll(&c, split(strings.NewReader(tt.in)), func(e Event) error {
					seqs = append(seqs, e.Seq)
					return nil
				})
				if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want %v with %q", err, tt.is, tt.says)
				}
				if d := cmp.Diff(tt.seqs, seqs); d != "" {
					t.Errorf("delivered (-want +got):\n%s", d)
				}
				if c.done && c.code != 3 {
					t.Errorf("code %d", c.code)
				}
			})
		}
	}
}

func feedAll(c *channel, r io.Reader, deliver func(Event) error) error {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		if ferr := c.feed(buf[:n], deliver); ferr != nil {
			return ferr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func FuzzChannel(f *testing.F) {
	f.Add([]byte(`{"hugelgupf_vmtest_guest_action":"done","Actual":{"run":"r","seq":1,"data":{"code":3}}}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := channel{run: "r", lim: limits{line: 200, events: 2}}
		var last uint64
		err := c.feed(in, func(e Event) error {
			if e.Run != "r" || e.Seq != last+1 {
				t.Errorf("delivered %+v after %d", e, last)
			}
			last = e.Seq
			return nil
		})
		if err != nil && !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrFlood) {
			t.Errorf("untyped error %v", err)
		}
		if len(c.line) > 200 || last > 2 {
			t.Errorf("kept %d bytes, delivered %d events", len(c.line), last)
		}
	})
}
