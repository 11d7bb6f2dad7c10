package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// longAgo is when everything in a view was last written, until it changes.
var longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// shownView is a source with its view.
type shownView struct {
	t    *testing.T
	src  *source
	tree objectTree
}

func newView(t *testing.T) *shownView {
	t.Helper()
	src := sourceOf(t, map[string]string{
		"Makefile": "m\n", "Kconfig": "k\n", ".git/config": "g\n",
		"kernel/a.c": "a\n", "kernel/b.c": "b\n", "kernel/sched/core.c": "c\n",
		"include/linux/h.h": "h\n", "include/linux/i.h": "i\n", "mm/m.c": "m\n", "init/Kconfig": "i\n",
	})
	v := &shownView{t: t, src: src, tree: objectTree{dir: filepath.Join(t.TempDir(), "tree")}}
	return v
}

func (v *shownView) show(over overlay) {
	v.t.Helper()
	if err := v.tree.show(v.src, over); err != nil {
		v.t.Fatal(err)
	}
}

// texts reads the view as make does, without what is the build's own.
func (v *shownView) texts() map[string]string {
	v.t.Helper()
	got := map[string]string{}
	var walk func(rel string)
	walk = func(rel string) {
		entries, err := os.ReadDir(filepath.Join(v.tree.dir, rel))
		if err != nil {
			v.t.Fatal(err)
		}
		for _, e := range entries {
			name := filepath.Join(rel, e.Name())
			if name == "o" || strings.HasPrefix(name, "o.") {
				continue
			}
			st, err := os.Stat(filepath.Join(v.tree.dir, name))
			if err != nil {
				v.t.Fatal(err)
			}
			if st.IsDir() {
				walk(name)
				continue
			}
			text, err := os.ReadFile(filepath.Join(v.tree.dir, name))
			if err != nil {
				v.t.Fatal(err)
			}
			got[name] = string(text)
		}
	}
	walk("")
	return got
}

// regular lists the files that are no links, and makes all of them old.
// fresh lists those that had been written since.
func (v *shownView) regular() (all, fresh []string) {
	v.t.Helper()
	err := filepath.WalkDir(v.tree.dir, func(path string, d fs.DirEntry, err error) error {
		if path == v.tree.out() {
			return filepath.SkipDir
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(v.tree.dir, path)
		st, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, rel)
		if !st.ModTime().Equal(longAgo) {
			fresh = append(fresh, rel)
		}
		return os.Chtimes(path, longAgo, longAgo)
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return all, fresh
}

func (v *shownView) want(texts map[string]string, changed ...string) {
	v.t.Helper()
	base := map[string]string{
		"Makefile": "m\n", "Kconfig": "k\n", "kernel/a.c": "a\n", "kernel/b.c": "b\n", "kernel/sched/core.c": "c\n",
		"include/linux/h.h": "h\n", "include/linux/i.h": "i\n", "mm/m.c": "m\n", "init/Kconfig": "i\n",
	}
	for name, text := range texts {
		base[name] = text
		if text == "" {
			delete(base, name)
		}
	}
	if diff := cmp.Diff(base, v.texts()); diff != "" {
		v.t.Errorf("view (-want +got):\n%s", diff)
	}
	if _, fresh := v.regular(); !cmp.Equal(fresh, changed) {
		v.t.Errorf("written: %q, want %q", fresh, changed)
	}
}

func texts(m map[string]string) overlay {
	over := overlay{}
	for name, text := range m {
		over[name] = &overlayFile{text: []byte(text)}
		if text == "" {
			over[name] = nil
		}
	}
	return over
}

// TestShow goes through variants of one tree. Each row is a step: what is
// shown, and which files got a new time.
func TestShow(t *testing.T) {
	v := newView(t)
	patched := map[string]string{"kernel/a.c": "A\n", "include/linux/h.h": "H\n", "kernel/new/n.c": "N\n", "kernel/b.c": ""}
	faulty := map[string]string{"kernel/a.c": "A!\n", "include/linux/h.h": "H\n", "kernel/new/n.c": "N\n", "kernel/b.c": ""}
	for _, step := range []struct {
		name    string
		over    map[string]string
		changed []string
	}{
		{"stock", nil, nil},
		{"patched", patched, []string{"include/linux/h.h", "kernel/a.c", "kernel/new/n.c"}},
		{"patched again", patched, nil},
		{"faulty", faulty, []string{"kernel/a.c"}},
		{"back to stock", nil, []string{"include/linux/h.h", "kernel/a.c", "kernel/b.c"}},
		{"stock again", nil, nil},
		{"same as the source", map[string]string{"kernel/a.c": "a\n", "mm/m.c": "m\n"}, nil},
		{"patched once more", patched, []string{"include/linux/h.h", "kernel/a.c", "kernel/new/n.c"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			v.t = t
			v.show(texts(step.over))
			v.want(step.over, step.changed...)
		})
	}
	v.t = t
	for name, want := range map[string]string{
		"init": v.src.dir + "/init", "mm/m.c": v.src.dir + "/mm/m.c", "kernel/sched": v.src.dir + "/kernel/sched", "include/linux/i.h": v.src.dir + "/include/linux/i.h",
	} {
		if got, err := os.Readlink(filepath.Join(v.tree.dir, name)); got != want {
			t.Errorf("%s is %q (%v), want a link to %s", name, got, err, want)
		}
	}
}

// A directory is the user's own and changes under the view.
func TestShowMutable(t *testing.T) {
	v := newView(t)
	patched := map[string]string{"kernel/a.c": "A\n"}
	v.show(texts(patched))
	v.want(patched, "kernel/a.c")
	writeTexts(t, v.src.dir, map[string]string{"kernel/added.c": "1\n", "top.c": "2\n", "o/out": "not ours\n", "kernel/b.c": "bb\n"})
	if err := os.Remove(filepath.Join(v.src.dir, "init/Kconfig")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(v.src.dir, "kernel/sched")); err != nil {
		t.Fatal(err)
	}
	v.show(texts(patched))
	now := map[string]string{"kernel/a.c": "A\n", "kernel/added.c": "1\n", "top.c": "2\n", "kernel/b.c": "bb\n", "init/Kconfig": "", "kernel/sched/core.c": ""}
	// That they are no links costs nothing: see entry.
	v.want(now, "kernel/added.c", "top.c")
	writeTexts(t, v.src.dir, map[string]string{"kernel/a.c": "edited\n"})
	v.show(nil)
	now["kernel/a.c"] = "edited\n"
	v.want(now, "kernel/a.c")
	if out, _ := os.ReadDir(v.tree.out()); len(out) != 0 {
		t.Errorf("the build's directory shows the source's: %v", out)
	}
}

// TestShowInterrupted leaves the tree as a killed process may, at several
// places, and shows each variant on it.
func TestShowInterrupted(t *testing.T) {
	patched := map[string]string{"kernel/a.c": "A\n", "kernel/b.c": "B\n", "kernel/new.c": "N\n"}
	rows := map[string]func(dir string) error{
		"one file is written":    func(dir string) error { return os.WriteFile(dir+"/kernel/b.c", []byte("b\n"), 0o644) },
		"a file is half written": func(dir string) error { return os.WriteFile(dir+"/kernel/"+tempPrefix+"1", []byte("B"), 0o600) },
		"the directory is not full": func(dir string) error {
			return errors.Join(os.Remove(dir+"/kernel/b.c"), os.Remove(dir+"/kernel/sched"))
		},
		"the directory is not there": func(dir string) error { return os.RemoveAll(dir + "/kernel") },
	}
	for name, harm := range rows {
		for _, over := range []map[string]string{nil, patched} {
			t.Run(name, func(t *testing.T) {
				v := newView(t)
				v.show(texts(patched))
				if err := harm(v.tree.dir); err != nil {
					t.Fatal(err)
				}
				v.show(texts(over))
				_, fresh := v.regular()
				v.want(over)
				t.Logf("written: %q", fresh)
			})
		}
	}
}

// A patch to Kconfig asks for the configuration to be made again.
func TestShowKconfig(t *testing.T) {
	v := newView(t)
	v.show(nil)
	checked := v.tree.out(configChecked)
	is := func(over map[string]string, kept bool) {
		t.Helper()
		if err := os.WriteFile(checked, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		v.show(texts(over))
		if fileExists(checked) != kept {
			t.Errorf("with %v, %s is kept: %v, want %v", over, configChecked, !kept, kept)
		}
	}
	is(map[string]string{"kernel/a.c": "A\n"}, true)
	is(map[string]string{"init/Kconfig": "I\n"}, false)
	is(map[string]string{"init/Kconfig": "I\n"}, true)
	is(nil, false)
	is(nil, true)
}
