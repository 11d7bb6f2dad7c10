package bench

// Row is what was measured for one cell: one run of Calls calls after Warmup
// that were thrown away. Costs are in Unit an operation.
type Row struct {
	Cell Cell `json:"cell"`

	// NA says why the cell does not exist on this machine, Err what went
	// wrong while measuring it. In both cases nothing below holds.
	NA  string `json:"na,omitempty"`
	Err string `json:"err,omitempty"`

	Unit    string  `json:"unit"`    // "ns" or "insns"
	Calls   int     `json:"calls"`   // measured
	Warmup  int     `json:"warmup"`  // discarded
	Batch   int     `json:"batch"`   // calls to one counter delta, 1 where the counter resolves one call
	Counter string  `json:"counter"` // which counter was read: "tsc", "cntvct", …
	Tick    float64 `json:"tick"`    // smallest step of that counter, in Unit

	Total  Stats `json:"total"`  // one call under the mechanism, as the caller sees it
	Native Stats `json:"native"` // the plain call, interleaved, on a thread without a filter
	// Supervisor is the time between RECV returning and SEND returning (of
	// a tracer: from the stop to the last restart); zero where no one serves.
	Supervisor Stats `json:"supervisor"`

	// Modes is set when the samples of Total fall into two heaps.
	Modes *Modes `json:"modes,omitempty"`

	TargetCPU     float64 `json:"target_cpu"`     // CPU seconds of the calling thread, warm-up included
	SupervisorCPU float64 `json:"supervisor_cpu"` // CPU seconds of the supervisor's thread
	Switches      float64 `json:"switches"`       // context switches of both threads, per call
	Stopped       int     `json:"stopped"`        // threads that ptrace-freeze stops for each call
	Notifications int     `json:"notifications"`  // answered, warm-up included

	// SHA256 is over the raw deltas, native's after the mechanism's, each
	// as eight little-endian bytes, in hex.
	SHA256 string `json:"sha256"`
}

// Stats summarises samples, in the row's unit an operation.
type Stats struct {
	Median float64 `json:"median"`
	Mean   float64 `json:"mean"`
	P10    float64 `json:"p10"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
	P999   float64 `json:"p999"`
	Max    float64 `json:"max"`
}

// Modes describes samples that fall into two heaps: the medians of both and
// the share of the upper one.
type Modes struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Share float64 `json:"share"` // of High, 0 to 1
}
