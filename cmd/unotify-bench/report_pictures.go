package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sync/errgroup"

	"unotify-bench/internal/figure"
	"unotify-bench/internal/report"
)

// pictures writes each picture of the page to a file of its own. All are drawn
// before the first is written.
func (a *app) pictures(page *report.Page, f reportFlags) error {
	pictures := page.Pictures()
	if len(pictures) == 0 {
		return usageError("nothing in these results can be drawn")
	}
	switch err := os.MkdirAll(f.output, 0o755); {
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EEXIST):
		return usageError("-o %s is no directory, which --format %s needs", f.output, f.format)
	case err != nil:
		return fmt.Errorf("make the directory for the pictures (choose another with -o): %w", err)
	}
	drawn := make([][]byte, len(pictures))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range pictures {
		g.Go(func() (err error) {
			if f.format == "svg" {
				drawn[i] = figure.SVG(p)
				return nil
			}
			drawn[i], err = figure.PNG(p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range pictures {
		if err := os.WriteFile(filepath.Join(f.output, figure.NameOf(p)+"."+f.format), drawn[i], 0o644); err != nil {
			return fmt.Errorf("write the pictures (choose another directory with -o): %w", err)
		}
	}
	a.note("pictures: %d in %s", len(pictures), f.output)
	return nil
}
