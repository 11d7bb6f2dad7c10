package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unotify-bench/internal/notify"
	"unotify-bench/internal/tempdir"
)

// workerGrace is how long a worker may be late beyond twice a row's limit: it
// also starts, finds its clock, and reaps.
const workerGrace = 5 * time.Second

// Run measures cells on this machine, one after the other, and hands every
// row to emit as soon as it is there; the next cell starts when emit returns.
// A cell that cannot be measured is a row with NA or Err set, also when the
// worker dies of it. Run returns early with ctx's error, emit's, or when no
// worker can be started.
func Run(ctx context.Context, cfg Config, cells []Cell, emit func(Row) error) error {
	// Targets are killed in the middle, so their files are for us to remove.
	dir, err := tempdir.New(cfg.Dir)
	if err != nil {
		return fmt.Errorf("make a directory for the targets' files: %w", err)
	}
	defer func() { _ = dir.Remove() }()
	cfg.Dir = dir.Path
	var w *notify.Process
	// Killing the worker is what wakes us from waiting for its row.
	var stop func() bool
	end := func() {
		if w != nil {
			stop()
			w.Kill()
			_ = w.Wait()
			w = nil
		}
	}
	defer end()
	for _, c := range cells {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w == nil {
			var err error
			if w, err = notify.Start(roleWorker); err != nil {
				return err
			}
			stop = context.AfterFunc(ctx, w.Kill)
			if err := w.Conn.Send(cfg, -1); err != nil {
				return fmt.Errorf("talk to the worker: %w", err)
			}
		}
		row := Row{}
		// The worker ends a row that takes too long, unless it hangs itself.
		bound := time.AfterFunc(2*cfg.Limit+workerGrace, w.Kill)
		err := w.Conn.Send(c, -1)
		if err == nil {
			_, err = w.Conn.Recv(&row)
		}
		hung := !bound.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			row = Row{Cell: c, Unit: cfg.Unit, Err: fmt.Sprintf("the worker ended: %v", err)}
			switch {
			case hung:
				row.Err = fmt.Sprintf("the worker did not end the row after its limit of %v: killed", cfg.Limit)
			case !errors.Is(err, notify.ErrPeerGone):
				row.Err = fmt.Sprintf("worker: %v", err)
			}
			end()
		}
		if hung && w != nil {
			// The row was there in time: this process was stopped, or had much
			// else to do. Its worker was killed all the same.
			end()
		}
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}
