package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A race, a check and a table of faults, as the commands write them.
const (
	raceJSON   = `{"where":"amd64","kernel":"6.12","mechanism":"continue-read","attack":"thread","accel":"tcg","cpus":1,"tries":1000,"won":250,"denied":7,"rate":0.25,"upper95":0.27,"seconds":0.5,"verdict":"loses"}`
	checkJSON  = `{"where":"amd64","kernel":"6.12","id":"reply.value","level":"must","doc":"the value arrives","source":"seccomp.h","verdict":"pass"}`
	studyJSON  = `{"where":"amd64","builds":[{"kernel":"6.12","runs":["a"]}],"rows":[{"name":"n","median":100}]}`
	faultsText = "fault     section  found on amd64 by  found on arm64 by\n" +
		"pin_flag  F        pin.flag           -\n" +
		"amd64 (Linux 6.12): 1 of 1 found, F 1/1\n"
)

func TestInput(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		holds    string // by Input.holds
		warns    []string
		err      error
		says     string
	}{
		{name: "measurements", in: head + line + line, holds: "2 results, 0 n/a"},
		{name: "races", in: "[" + raceJSON + ",\n" + raceJSON + "]\n", holds: "2 races"},
		{name: "checks", in: " \n[" + checkJSON + "]", holds: "1 checks"},
		{name: "faults", in: faultsText, holds: "1 seeded bugs"},

		{name: "a console's log", in: "[    0.000000] Linux version 6.12\n" + head + line + line, holds: "2 results"},
		{name: "measurements, cut", in: head + line + line[:30], holds: "1 results", warns: []string{"cut in the middle of the last line"}},
		{name: "measurements, a broken line", in: head + line + "BenchmarkX 1 z ns/op\n", holds: "1 results", warns: []string{"f:8: parsing measurement"}},
		{name: "races, cut", in: "[" + raceJSON + ",\n" + raceJSON[:80], holds: "1 races", warns: []string{"f: cut or damaged in element 2, what is before it is used"}},
		{name: "races, cut between two", in: "[" + raceJSON + ",", holds: "1 races", warns: []string{"element 2"}},
		{name: "races, cut after one", in: "[" + raceJSON, holds: "1 races", warns: []string{"element 2"}},
		{name: "an impossible race", in: "[" + raceJSON + "," + strings.Replace(raceJSON, `"won":250`, `"won":2500`, 1) + "]", holds: "1 races", warns: []string{"element 2 left out: continue-read, thread: 2500 of 1000 tries lost"}},
		{name: "an impossible rate", in: "[" + raceJSON + "," + strings.Replace(raceJSON, `0.27`, `27`, 1) + "]", holds: "1 races", warns: []string{"rate 0.25, at most 27"}},
		{name: "an unknown verdict", in: "[" + checkJSON + "," + strings.Replace(checkJSON, `"pass"`, `"good"`, 1) + "]", holds: "1 checks", warns: []string{`the verdict "good" is none of`}},
		{name: "a study", in: "[" + studyJSON + "]", holds: "how well runs repeat in 1 place"},
		{name: "a study among races", in: "[" + raceJSON + "," + studyJSON + "]", holds: "1 races", warns: []string{"neither a race nor a check nor a study"}},
		{name: "a race among studies", in: "[" + studyJSON + "," + raceJSON + "]", holds: "how well runs repeat in 1 place", warns: []string{"neither a race nor a check nor a study"}},
		{name: "a study, cut", in: "[" + studyJSON + "," + studyJSON[:40], holds: "how well runs repeat in 1 place", warns: []string{"element 2"}},
		{name: "an impossible study", in: "[" + studyJSON + "," + strings.Replace(studyJSON, "100", "-100", 1) + "]", holds: "how well runs repeat in 1 place", warns: []string{"element 2 left out: row n of a study: -100 is no figure"}},
		{name: "races among checks", in: "[" + checkJSON + "," + raceJSON + "]", holds: "1 checks", warns: []string{"neither a race nor a check"}},
		{name: "a fault's line too short", in: faultsText + "x\n", holds: "1 seeded bugs", warns: []string{"f:4: left out"}},

		{name: "empty", in: "", err: ErrEmpty},
		{name: "blank", in: "\n \n", err: ErrEmpty},
		{name: "empty list", in: "[]", err: ErrEmpty},
		{name: "prose", in: "Dear all,\nhello\n", err: ErrFormat},
		{name: "one word", in: "hello", err: ErrFormat, says: "does not end"},
		{name: "binary", in: "\x7fELF\x00\n", err: ErrFormat},
		{name: "rows in JSON", in: `{"where":"host","name":"x"}` + "\n", err: ErrRows},
		{name: "another object", in: `{"a":1}` + "\n", err: ErrFormat},
		{name: "other elements", in: `[{"a":1}]`, err: ErrFormat, says: "neither a race nor a check"},
		{name: "no objects", in: `[1, 2]`, err: ErrFormat},
		{name: "only an open bracket", in: `[`, err: ErrFormat},
		{name: "the first race cut", in: "[" + raceJSON[:50], err: ErrFormat},
		{name: "a table that is not ours", in: "fault  found on x by \n1\n", err: nil, says: "without its columns"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := input([]byte(tt.in), "f")
			if tt.err != nil || tt.says != "" {
				if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want %v, %q", err, tt.err, tt.says)
				}
				if in != nil {
					t.Error("an error, and an input")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := in.holds(); !strings.HasPrefix(got, tt.holds) {
				t.Errorf("holds %s, want %s", got, tt.holds)
			}
			if len(in.Warnings) != len(tt.warns) {
				t.Fatalf("warnings %v, want %q", in.Warnings, tt.warns)
			}
			for i, w := range tt.warns {
				if !strings.Contains(in.Warnings[i].Error(), w) {
					t.Errorf("warning %q does not say %q", in.Warnings[i], w)
				}
			}
		})
	}
}

// TestReadInput: a name says nothing, and texts have an end.
func TestReadInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	long := strings.Replace(checkJSON, "the value arrives", strings.Repeat("long ", 10000), 1)
	if err := os.WriteFile(path, []byte("["+long+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := ReadInput(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(in.Checks[0].Doc); n > 2100 {
		t.Errorf("%d bytes of text", n)
	}
	if _, err := ReadInput(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestReadFaults(t *testing.T) {
	f, warnings := readFaults(faultsText, "f")
	if len(warnings) > 0 {
		t.Fatal(warnings)
	}
	want := `{[amd64 arm64] [{pin_flag F [pin.flag -]}] [amd64 (Linux 6.12): 1 of 1 found, F 1/1]}`
	if got := fmt.Sprint(*f); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzInput: nothing that a file holds stops a page from being made, or gets
// into it as markup.
func FuzzInput(f *testing.F) {
	for _, s := range []string{head + line, "[" + raceJSON + "]", "[" + checkJSON + "]", faultsText, "[{}]",
		"fault section found on a by\nx  y   z\n", strings.ReplaceAll(head+line, "getppid", "write/bytes=1")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := input([]byte(text), "f")
		if err != nil {
			return
		}
		page, err := NewPage([]*Input{in}, PageOptions{})
		if err != nil {
			return
		}
		var out strings.Builder
		if err := page.HTML(&out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "<script"); n != 1 {
			t.Errorf("%d scripts", n)
		}
	})
}

func races(t *testing.T, objects ...string) *Input {
	t.Helper()
	var all []json.RawMessage
	for _, o := range objects {
		all = append(all, json.RawMessage(o))
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	in, err := input(text, "objects")
	if err != nil {
		t.Fatal(err)
	}
	return in
}
