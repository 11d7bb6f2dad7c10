package leak

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Tests{M: m}.Run()) }

// does is a package whose tests do that, and pass.
type does func()

func (d does) Run() int { d(); return 0 }

// TestLeaks leaves each thing behind, and finds it named.
func TestLeaks(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var file *os.File
	var child *exec.Cmd
	for _, tt := range []struct {
		name string
		kept []string
		do   func()
		undo func()
		want string // "" for nothing
	}{
		{"nothing", nil, func() {}, func() {}, ""},
		{"a descriptor", nil, func() { file, _ = os.Open("/dev/null") }, func() { file.Close() }, "was left open: /dev/null"},
		{"one that may", []string{"/dev/nu"}, func() { file, _ = os.Open("/dev/null") }, func() { file.Close() }, ""},
		{"a child", nil, func() { child = exec.Command("sleep", "600"); _ = child.Start() }, func() { child.Process.Kill(); child.Wait() }, "sleep"},
		{"one that is dead", nil, func() {
			child = exec.Command("true")
			_ = child.Start()
		}, func() { child.Wait() }, "a child was left behind"},
		{"a goroutine", nil, func() { go func() { <-release }() }, func() {}, "leak.TestLeaks.func"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			code := Tests{M: does(tt.do), Kept: tt.kept, Out: &out}.Run()
			tt.undo()
			leaks := tt.want != ""
			if said := out.String(); (code != 0) != leaks || (said != "") != leaks || !strings.Contains(said, tt.want) {
				t.Errorf("status %d, and it says %q, want %q", code, said, tt.want)
			}
		})
	}
}
