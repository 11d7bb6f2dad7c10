package bench

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

const roleWorker = "worker"

// Config is what holds for a whole run.
type Config struct {
	// Unit is what the machine's clock counts: UnitNanoseconds, or
	// UnitInstructions where whoever started the machine made it so.
	Unit string
	// Calls is how many calls of a row are measured, a multiple of 100; of
	// calls with a payload of 64 KiB or more and of execve, a tenth.
	Calls int
	// Warmup is how many are thrown away first.
	Warmup int
	// Limit bounds one row, on the machine's clock.
	Limit time.Duration
	// Dir is where the files are made that calls open, bind or execute; ""
	// is the system's directory for temporary files.
	Dir string
}

// Main takes over a process that Run or a worker started; in any other it
// returns at once. Call it first thing in main.
func Main() {
	switch notify.Role() {
	case "":
		return
	case roleWorker:
		workerMain()
	case roleTarget:
		targetMain()
	case roleProbe:
		probeMain()
	case roleCounter:
		counterMain()
	}
	fmt.Fprintf(os.Stderr, "unotify-bench: unknown role %q\n", notify.Role())
	os.Exit(2)
}

// garbage is what may lie on the heap between rows, in bytes. To collect after each
// row took 14 million instructions of a machine with one CPU (amd64, 106 rows).
const garbage = 16 << 20

// collect takes the place of the collector, which is switched off: it must not
// run while calls are measured.
func collect() {
	// Package metrics would make its list at each start of the program.
	var heap runtime.MemStats
	if runtime.ReadMemStats(&heap); heap.HeapAlloc > garbage {
		runtime.GC()
	}
}

// workerMain measures the cells that come in, one at a time: it starts a row
// only when the row before has been taken from it.
func workerMain() {
	conn := notify.NewConn(notify.RoleFD)
	var cfg Config
	if _, err := conn.Recv(&cfg); err != nil {
		os.Exit(1)
	}
	runtime.GOMAXPROCS(4) // the supervisor keeps one while it waits
	debug.SetGCPercent(-1)
	clk, err := newClock(cfg.Unit)
	if err == nil {
		err = notify.InterruptBy(unix.SIGWINCH) // the watchdog's
	}
	for {
		var c Cell
		if _, e := conn.Recv(&c); e != nil {
			os.Exit(0)
		}
		row := Row{Cell: c, Unit: cfg.Unit}
		if err == nil {
			row = measure(c, cfg, clk)
		} else {
			row.Err = err.Error()
		}
		collect()
		if e := conn.Send(row, -1); e != nil {
			os.Exit(0)
		}
	}
}
