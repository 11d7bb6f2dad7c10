package lava

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReadLog reads lines as LAVA 2023.01 wrote them, and as other YAML may be.
func TestReadLog(t *testing.T) {
	at := time.Date(2026, 11, 26, 8, 7, 37, 620231000, time.UTC)
	for _, tt := range []struct {
		raw  string
		want Line
	}{
		// Of a job in tools/lava/lab.
		{`- {"dt": "2026-11-26T08:07:37.620231", "lvl": "target", "msg": "Booting from ROM..unotify: begin checks"}`, Line{at, "target", "Booting from ROM..unotify: begin checks"}},
		{`- {"dt": "2026-11-26T08:07:37.620231", "lvl": "target", "msg": "[32mgreen[0m \\\"quoted\\\" \\ \xFCnicode\ttab"}`, Line{at, "target", `[32mgreen[0m \"quoted\" \ ünicode` + "\ttab"}},
		{`- {"dt": "2026-11-26T08:07:37.620231", "lvl": "feedback", "msg": "reboot: Power off", "ns": "common"}`, Line{at, "feedback", "reboot: Power off"}},
		{`- {"dt": "2026-11-26T08:07:37.620231", "lvl": "results", "msg": {"case": "file-download", "extra": {"size": ! "15850280"}, "result": "pass"}}`,
			Line{at, "results", `{"case": "file-download", "extra": {"size": ! "15850280"}, "result": "pass"}`}},
		{"- {\"dt\": \"2026-11-26T08:07:37.620231\", \"lvl\": \"target\", \"msg\": \"\"}\r", Line{at, "target", ""}},

		{`- {"lvl": "a", "msg": "\0\a\b\t\n\v\f\r\e\ \"\/\\\N\_\L\P\x41\u00e9\U0001F600"}`, Line{Level: "a", Text: "\x00\a\b\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029A\u00e9\U0001F600"}},
		{`- {"lvl": "a", "msg": "\ud800"}`, Line{Level: "a", Text: "\ufffd"}},
		{"- {\"lvl\": \"a\", \"msg\": \"raw \x1b[31m and \xff\"}", Line{Level: "a", Text: "raw \x1b[31m and \xff"}},
		{`- {lvl: target, msg: 'it''s {one}', dt: 2026-11-26T08:07:37.620231}`, Line{at, "target", "it's {one}"}},
		{`- { "msg" : [1, [a, "]"], {}, []] , "lvl":"debug" , }`, Line{Level: "debug", Text: `[1, [a, "]"], {}, []]`}},
		{`- {"lvl": "a", "msg": !!str "b"}`, Line{Level: "a", Text: "b"}},
		{`- {"lvl": "a", "msg": null, "dt": "yesterday"}`, Line{Level: "a", Text: "null"}},
		{`- {"lvl": "a"}`, Line{Level: "a"}},
	} {
		got, err := readLog([]byte(tt.raw + "\n"))
		if diff := cmp.Diff([]Line{tt.want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.raw, err, diff)
		}
	}
}

// unread are lines that are not read.
var unread = []string{
	`hello`, `- hello`, `- {`, `- {}`, `- {"msg": "a"}`, `{"lvl": "a", "msg": "b"}`,
	`- {"lvl": "a", "msg": "b"`, `- {"lvl": "a", "msg": "b`, `- {"lvl": "a", "msg": "b\`, `- {"lvl": "a", "msg": "\q"}`,
	`- {"lvl": "a", "msg": "\x4"}`, `- {"lvl": "a", "msg": "\xg0"}`, `- {"lvl": "a", "msg": "\U00110000"}`,
	`- {"lvl": "a" "msg": "b"}`, `- {"lvl": "a", "msg": }`, `- {"lvl": "a", "msg": 'b}`, `- {"lvl": "a", "msg": !`,
	`- {"lvl": "a", "msg": [b}`, `- {"lvl": "a"} more`, `- {"lvl": "a", "msg": ` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `}`,
}

// TestUnread has lines that are not read beside one that is, and alone.
func TestUnread(t *testing.T) {
	const good = `- {"lvl": "a", "msg": "b"}`
	for _, raw := range unread {
		got, err := readLog([]byte(good + "\n" + raw))
		if diff := cmp.Diff([]Line{{Level: "a", Text: "b"}, {Text: raw}}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", raw, err, diff)
		}
		if got, err := readLog([]byte(raw)); err == nil {
			t.Errorf("%s alone is a log: %v", raw, got)
		}
	}
	if got, err := readLog(nil); got != nil || err != nil {
		t.Errorf("an empty log: %v, %v", got, err)
	}
	if _, err := readLog([]byte(strings.Repeat(good+"\n", maxLines+1))); err == nil || !strings.Contains(err.Error(), "more than 262144 lines") {
		t.Errorf("a long log: %v", err)
	}
}

// FuzzReadLine reads anything, and keeps it or says so.
func FuzzReadLine(f *testing.F) {
	for _, raw := range unread {
		f.Add(raw)
	}
	f.Add(`- {"dt": "2026-11-26T08:07:37.620231", "lvl": "results", "msg": {"a": ! "1", 'b': [c]}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		line, err := readLine(raw)
		if err == nil && len(line.Text) > 3*len(raw) {
			t.Errorf("%q is %q", raw, line.Text)
		}
	})
}
