package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"unotify-bench/internal/profile"
)

// compareProfiles is `compare --profile`: which functions take another number
// of instructions? Each of the two names is a profile, a directory of them, or
// the results file that one lies beside.
func (a *app) compareProfiles(names []string, f compareFlags, changed func(string) bool) error {
	for _, flag := range []string{"all", "mech", "syscall", "run", "gate", "format"} {
		if changed(flag) {
			return usageError("--%s is not for compare --profile, which compares functions; name one profile to see one row", flag)
		}
	}
	pairs, lonely, err := profilePairs(names[0], names[1])
	if err != nil {
		return err
	}
	var inputs []string
	for _, p := range pairs {
		inputs = append(inputs, p[:]...)
	}
	if err := notInput(f.output, inputs); err != nil {
		return err
	}
	for _, name := range lonely {
		a.warn(fmt.Errorf("%s has no counterpart, and is not compared", name))
	}
	var out bytes.Buffer
	for i, p := range pairs {
		d, err := compareProfile(p)
		if err != nil {
			return err
		}
		for _, w := range d.Warnings {
			a.warn(fmt.Errorf("%s: %w", p[1], w))
		}
		if i > 0 {
			fmt.Fprintln(&out)
		}
		if err := d.Text(&out); err != nil {
			return err
		}
	}
	if f.output == "" {
		_, err := a.stdout.Write(out.Bytes())
		return err
	}
	if err := os.WriteFile(f.output, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the comparison (choose another file with -o): %w", err)
	}
	return nil
}

func compareProfile(names [2]string) (*profile.Difference, error) {
	var ps [2]*profile.Profile
	for i, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError("%w", err)
		}
		ps[i], err = profile.Read(f)
		f.Close()
		if err != nil {
			return nil, usageError("%s: %w", name, err)
		}
	}
	d, err := profile.Compare(ps[0], ps[1])
	if err != nil {
		return nil, usageError("%s, %s: %w", names[0], names[1], err)
	}
	return d, nil
}

// profilePairs finds the profiles behind two names, and those of one that the
// other does not have.
func profilePairs(o, n string) (pairs [][2]string, lonely []string, err error) {
	dirs := [2]string{o, n}
	single := 0
	for i, name := range dirs {
		if strings.HasSuffix(name, pprofSuffix) {
			single++
			continue
		}
		dir := name
		info, err := os.Stat(name)
		if err == nil && !info.IsDir() {
			dir = name + profileSuffix
			info, err = os.Stat(dir)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != name:
			return nil, nil, usageError("%s has no profiles beside it: measure with run --profile -o FILE", name)
		case err != nil:
			return nil, nil, usageError("%w", err)
		case !info.IsDir():
			return nil, nil, usageError("%s is no directory of profiles", dir)
		}
		dirs[i] = dir
	}
	switch single {
	case 2:
		return [][2]string{dirs}, nil, nil
	case 1:
		return nil, nil, usageError("one of %s and %s is a profile, the other a directory: name two of a kind", o, n)
	}
	was, err := filepath.Glob(globEscape(dirs[0]) + "/*" + pprofSuffix)
	if err != nil {
		return nil, nil, err
	}
	now, err := filepath.Glob(globEscape(dirs[1]) + "/*" + pprofSuffix)
	if err != nil {
		return nil, nil, err
	}
	at := map[string]string{}
	for _, name := range was {
		at[filepath.Base(name)] = name
	}
	for _, name := range now {
		base := filepath.Base(name)
		if at[base] == "" {
			lonely = append(lonely, name)
			continue
		}
		pairs = append(pairs, [2]string{at[base], name})
		delete(at, base)
	}
	for _, name := range was {
		if at[filepath.Base(name)] != "" {
			lonely = append(lonely, name)
		}
	}
	if len(pairs) == 0 {
		return nil, nil, usageError("%s and %s have no profile of the same row", dirs[0], dirs[1])
	}
	return pairs, lonely, nil
}

// globEscape makes a directory's name mean itself.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
