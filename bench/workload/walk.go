package workload

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// walk looks at a tree, as find or a backup does: each file is asked for its
// attributes, opened, read and closed. One in sixteen may not be.
var walk = &Workload{
	Name: "walk", Doc: "stat, open, read and close each of 2048 files; 128 are forbidden",
	prepare: func(t *task) (func() error, error) {
		var paths []*byte
		for d := range t.scaled(64, 2) {
			for f := range 32 {
				path := t.open(fmt.Sprintf("d%02d", d), fmt.Sprintf("file%02d", f))
				if f%16 == 7 {
					path = t.shut(fmt.Sprintf("d%02d", d), fmt.Sprintf("file%02d", f))
				}
				if err := plant(path, 100, 0o600); err != nil {
					return nil, err
				}
				paths = append(paths, cpath(path))
			}
		}
		buf := make([]byte, 512)
		return func() error {
			var st unix.Stat_t
			for _, p := range paths {
				if err := t.stat(p, &st); err != nil {
					return err
				}
				if err := t.visit(p, buf); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}
