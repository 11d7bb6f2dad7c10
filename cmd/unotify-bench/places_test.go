package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/internal/notify"
)

// TestGuestBinary starts the program where it was copied to, in turn without a
// program for guests, with one in the lib directory of an installation, and with
// one beside itself, too, and reads from doctor which it takes.
func TestGuestBinary(t *testing.T) {
	file, err := os.ReadFile(commandFile(t))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	self := filepath.Join(root, "bin", "unotify-bench")
	put := func(path string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(self, file)
	foreign := arches()[0]
	if foreign == notify.Native {
		foreign = arches()[1]
	}
	link := filepath.Join(t.TempDir(), "unotify-bench") // as ~/bin may have it
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	wants := func(word, detail string) {
		t.Helper()
		for _, program := range []string{self, link} {
			cmd := exec.Command(program, "doctor", "--on", foreign.Name)
			cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(root, "cache"))
			var out bytes.Buffer
			cmd.Stdout = &out
			_ = cmd.Run() // what else is missing here is no matter
			_, line, ok := strings.Cut(out.String(), "guest program")
			line, _, _ = strings.Cut(line, "\n")
			if !ok || strings.TrimSpace(line) != detail && !strings.HasPrefix(strings.TrimSpace(line), detail+":") {
				t.Errorf("%s, with %s: doctor says of the guest program %q, want %q", program, word, line, detail)
			}
		}
	}
	name := "unotify-bench-linux-" + foreign.Name
	beside, lib := filepath.Join(root, "bin", name), filepath.Join(root, "lib", "unotify-bench", name)
	wants("none", "no program for "+foreign.Name+" guests")
	put(lib, nil)
	wants("one in lib", lib)
	put(beside, nil)
	wants("one in each", beside)
}
