package main

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
)

// TestTurn: what a lane writes before its turn is written when that comes, in
// the order in which it came, and what cannot be is no secret.
func TestTurn(t *testing.T) {
	var got []int
	write := func(n int) func() error { return func() error { got = append(got, n); return nil } }
	full := errors.New("no space")

	var l turn
	for n := range 3 {
		if err := l.write(write(n)); err != nil {
			t.Errorf("write %d before the turn: %v", n, err)
		}
	}
	if err := l.write(func() error { return full }); err != nil {
		t.Errorf("a write that fails, before the turn: %v", err)
	}
	if got != nil {
		t.Errorf("written before the turn: %v", got)
	}
	if err := l.begin(); !errors.Is(err, full) {
		t.Errorf("the turn begins with %v, want what could not be written", err)
	}
	if err := l.write(write(3)); err != nil {
		t.Errorf("write in turn: %v", err)
	}
	if err := l.write(func() error { return full }); !errors.Is(err, full) {
		t.Errorf("a write in turn that fails: %v", err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, got); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

// TestSlots: no more machines than slots, and those of the next lane begin
// before the last of this one has ended.
func TestSlots(t *testing.T) {
	q := newQueue(2)
	var mu sync.Mutex
	var now, most int
	last := make(chan struct{})
	lane := func(name string, count int, last func(seed uint64)) func() error {
		l := &vmLane{runner: &runner{plan: &plan{}}, turn: new(turn)}
		l.plan.count = count
		return l.each(q.slots, func(seed uint64) error {
			step := func(by int) {
				mu.Lock()
				defer mu.Unlock()
				now += by
				most = max(most, now)
			}
			step(1)
			defer step(-1)
			last(seed)
			if seed == 2 {
				return fmt.Errorf("%s: seed 2", name)
			}
			return nil
		}).Wait
	}
	first := lane("first", 3, func(seed uint64) {
		if seed == 3 {
			<-last
		}
	})
	second := lane("second", 1, func(uint64) { close(last) })
	q.fail(&abi.Arch{Name: "amd64"}, first())
	q.fail(&abi.Arch{Name: "arm64"}, second())
	if err := q.wait(); err == nil || err.Error() != "amd64: first: seed 2" {
		t.Errorf("the queue ends with %v", err)
	}
	if most > 2 {
		t.Errorf("%d machines at once", most)
	}
}
