package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"unotify-bench/abi"
)

// What `abi`, `abi race` and `fuzz` have in common: a kernel a lane, most of them in
// virtual machines.

// eachArch readies the kernel of each architecture, one after the other: a build uses
// all CPUs. One that does not work leaves the others, and is among the errors that are
// returned beside the one of ctx.
func eachArch(ctx context.Context, arches []*abi.Arch, ready func(*abi.Arch) error) (broken, err error) {
	var all []error
	for _, arch := range arches {
		err := ready(arch)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", arch.Name, err))
		}
	}
	return errors.Join(all...), nil
}

// eachLane does something with every lane, so many at once. One that fails leaves the
// others, and its place is in the error.
func eachLane[L interface{ place() string }](ctx context.Context, jobs int, lanes []L, do func(L) error) error {
	var g errgroup.Group
	g.SetLimit(jobs)
	errs := make([]error, len(lanes))
	for i, l := range lanes {
		g.Go(func() error {
			if err := do(l); err != nil {
				errs[i] = fmt.Errorf("%s: %w", l.place(), err)
			}
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}
