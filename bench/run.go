package bench

import (
	"context"
	"errors"
	"fmt"

	"unotify-bench/internal/notify"
)

// Run measures cells on this machine, one after the other, and hands every
// row to emit as soon as it is there; the next cell starts when emit returns.
// A cell that cannot be measured is a row with NA or Err set, also when the
// worker dies of it. Run returns early with ctx's error, emit's, or when no
// worker can be started.
func Run(ctx context.Context, cfg Config, cells []Cell, emit func(Row) error) error {
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
		err := w.Conn.Send(c, -1)
		if err == nil {
			_, err = w.Conn.Recv(&row)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			row = Row{Cell: c, Unit: cfg.Unit, Err: fmt.Sprintf("the worker ended: %v", err)}
			if !errors.Is(err, notify.ErrPeerGone) {
				row.Err = fmt.Sprintf("worker: %v", err)
			}
			end()
		}
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}
