package workload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"unotify-bench/internal/notify"
	"unotify-bench/internal/tempdir"
)

// Config is what holds for a whole run.
type Config struct {
	// Unit is what the machine's clock counts: "ns", or "insns" where whoever
	// started the machine made it so.
	Unit string
	// Size of the workloads, in per cent of the whole ones.
	Size int
	// Limit bounds one row.
	Limit time.Duration
	// Dir is where workloads make their files; "" is the system's directory
	// for temporary files.
	Dir string
	// Program is run in place of a workload, with its arguments, under Policy.
	Program []string
	Policy  Policy
}

// grace is how long a worker may be late beyond the limit.
const grace = 10 * time.Second

// Run measures cells on this machine, one after the other, and hands every row
// to emit as soon as it is there. A cell that cannot be measured is a row with
// NA or Err set. Run returns early with ctx's error, emit's, or when no worker
// can be started.
func Run(ctx context.Context, cfg Config, cells []Cell, emit func(Row) error) error {
	// Targets may be killed in the middle, so their files are ours to remove.
	base, err := tempdir.New(cfg.Dir)
	if err != nil {
		return fmt.Errorf("make a directory for the targets' files: %w", err)
	}
	defer func() { _ = base.Remove() }()
	cfg.Dir = filepath.Join(base.Path, "w")
	known := ""
	for _, c := range cells {
		if c.Workload != known {
			// The first run finds nothing in the page cache, and makes the
			// kernel patch itself (jump labels). It is nobody's.
			if _, err := fresh(ctx, cfg, Cell{c.Workload, Baseline}); err != nil {
				return err
			}
			known = c.Workload
		}
		row, err := fresh(ctx, cfg, c)
		if err == nil {
			err = emit(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fresh is runOne in a directory that is empty.
func fresh(ctx context.Context, cfg Config, c Cell) (Row, error) {
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	if err := os.Mkdir(cfg.Dir, 0o755); err != nil {
		return Row{}, fmt.Errorf("make a directory for a target's files: %w", err)
	}
	row, err := runOne(ctx, cfg, c)
	if err == nil {
		err = os.RemoveAll(cfg.Dir)
	}
	return row, err
}

// runOne measures a cell in a worker of its own, with which everything ends
// that the target may have left behind.
func runOne(ctx context.Context, cfg Config, c Cell) (Row, error) {
	w, err := notify.Start(roleWorker)
	if err != nil {
		return Row{}, err
	}
	defer func() {
		w.Kill()
		_ = w.Wait()
	}()
	stop := context.AfterFunc(ctx, w.Kill)
	defer stop()
	late := time.AfterFunc(cfg.Limit+grace, w.Kill)
	var row Row
	if err = w.Conn.Send(job{c, cfg}, -1); err == nil {
		_, err = w.Conn.Recv(&row)
	}
	inTime := late.Stop()
	switch {
	case ctx.Err() != nil:
		return Row{}, ctx.Err()
	case err == nil:
		return row, nil
	}
	row = Row{Cell: c, Unit: cfg.Unit, Err: fmt.Sprintf("the worker ended: %v", err)}
	switch {
	case !inTime:
		row.Err = fmt.Sprintf("the worker did not end the row after its limit of %v: killed", cfg.Limit)
	case !errors.Is(err, notify.ErrPeerGone):
		row.Err = fmt.Sprintf("worker: %v", err)
	}
	return row, nil
}
