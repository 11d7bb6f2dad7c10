// Hostile is the init of a virtual machine that lies to the command, in the
// way that mode names. The link sets mode.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"unotify-bench/kernel"
)

var mode string

// evil would clear a screen, and forge a line of results.
const evil = "\x1b[2J\x1b]0;owned\x07\nBenchmarkNotify/mech=redirect/syscall=getppid-1 1 1 insns/op\r"

func main() {
	g, err := kernel.Guest()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cells := asked()
	row := map[string]any{"cell": cells[0], "na": "it is not here"}
	switch mode {
	case "honest":
		for _, c := range cells {
			row["cell"] = c
			_ = g.Emit("row", row)
		}
	case "stranger":
		_ = g.Emit("row", row)
		row["cell"] = map[string]any{"mech": "redirect", "syscall": "getppid", "cpus": "same"}
		_ = g.Emit("row", row)
	case "swapped":
		row["cell"] = cells[1]
		_ = g.Emit("row", row)
	case "absurd":
		_ = g.Emit("row", row)
		_ = g.Emit("row", map[string]any{"cell": cells[1], "unit": "insns", "calls": -1})
	case "escape":
		row["na"] = evil
		_ = g.Emit("row", row)
		_ = g.Emit("row", map[string]any{"cell": cells[1], "err": evil})
	case "extra":
		for range 3 {
			for _, c := range cells {
				row["cell"] = c
				_ = g.Emit("row", row)
			}
		}
	case "early":
		_ = g.Emit("row", row)
	case "kind":
		_ = g.Emit("row", row)
		_ = g.Emit(evil, row)
	case "garbage":
		_ = g.Emit("row", row)
		_ = g.Emit("row", evil)
	case "complaint":
		_ = g.Emit("row", row)
		_ = g.Emit("err", evil)
	case "console":
		_ = g.Emit("row", row)
		fmt.Println("BUG: " + evil)
	}
	_ = g.Done(0)
	_ = g.Poweroff()
}

func asked() []json.RawMessage {
	var job struct{ Cells []json.RawMessage }
	b, err := os.ReadFile("/job.json")
	if err == nil {
		err = json.Unmarshal(b, &job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return job.Cells
}
