package bench

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	cfg := Config{Unit: UnitNanoseconds, Calls: 1000, Warmup: 100, Limit: 20 * time.Second}
	var cells []Cell
	for _, c := range Cells(Mechanisms(), Cases()) {
		if c.Unable() == "" && c.CPUs == "same" && c.Wake != "async" {
			cells = append(cells, c)
		}
	}
	err := Run(context.Background(), cfg, cells, func(r Row) error {
		t.Logf("%-60s %8.0f native %6.0f sup %6.0f %s%s", r.Cell.Name(), r.Total.Median, r.Native.Median, r.Supervisor.Median, r.NA, r.Err)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
