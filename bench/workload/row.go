package workload

import "fmt"

// Cell is a workload, or a program, under a mechanism.
type Cell struct {
	Workload string `json:"workload"`
	Mech     string `json:"mech"`
}

// Name is the benchmark's name, without the Benchmark prefix and the CPU count.
func (c Cell) Name() string { return fmt.Sprintf("Workload/workload=%s/mech=%s", c.Workload, c.Mech) }

// Row is what one run of a cell gave.
type Row struct {
	Cell Cell `json:"cell"`

	// NA says why the cell does not exist on this machine, Err what went
	// wrong. In both cases nothing below holds.
	NA  string `json:"na,omitempty"`
	Err string `json:"err,omitempty"`

	Unit    string  `json:"unit"`
	Elapsed float64 `json:"elapsed"` // the whole workload, in Unit

	Calls    int `json:"calls,omitempty"` // the workload's own; of a program nobody counts them
	Notified int `json:"notified"`        // calls that trapped and were answered
	Denied   int `json:"denied"`          // of these
	Racy     int `json:"racy"`            // allowed, and the kernel then read the caller's memory again
	Tries    int `json:"tries,omitempty"` // attack: how often it was tried
	Breaches int `json:"breaches"`        // attack: how often the policy lost

	// Verdicts is the hash of the sorted list of (call, verdict, name), "" for
	// who keeps none. Of a program, it is of distinct lines.
	Verdicts string `json:"verdicts,omitempty"`
	// Refusals are distinct lines of that list which are denials, the first of
	// many.
	Refusals []string `json:"refusals,omitempty"`
	// Status is what a program ended with.
	Status int `json:"status,omitempty"`

	// SHA256 is over all of the above that a machine repeats.
	SHA256 string `json:"sha256"`
}
