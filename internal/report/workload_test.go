package report

import (
	"strings"
	"testing"

	"unotify-bench/internal/golden"
)

// workloadDemo is a file as a run writes it: two rounds, one mechanism that
// carries all, one that carries a part, and one that is not there.
const workloadDemo = `goos: linux
goarch: amd64
kernel: 6.12
accel: tcg
clock: insns
qemu: 7.2.22
seeds: 1,2
BenchmarkWorkload/workload=attack/mech=continue-read-1 1 900000 insns/op 100 notifs/op 40 denied/op 60 racy/op 100 tries/op 7 breaches/op
BenchmarkWorkload/workload=serve/mech=native-1 1 1000000 insns/op 1000000 native-insns/op 0 notifs/op 0 denied/op 0 racy/op
BenchmarkWorkload/workload=serve/mech=native-1 1 1000100 insns/op 1000100 native-insns/op 0 notifs/op 0 denied/op 0 racy/op
BenchmarkWorkload/workload=serve/mech=allow-1 1 990000 insns/op 1000000 native-insns/op 0 notifs/op 0 denied/op 0 racy/op
BenchmarkWorkload/workload=serve/mech=inject-1 1 2500000 insns/op 1000000 native-insns/op 100 notifs/op 10 denied/op 45 racy/op 15000 insns/notif
BenchmarkWorkload/workload=serve/mech=redirect-1 1 2600000 insns/op 1000000 native-insns/op 100 notifs/op 10 denied/op 0 racy/op 16000 insns/notif
BenchmarkWorkload/workload=walk/mech=continue-read-1 1 2600000 insns/op 100 notifs/op 10 denied/op 90 racy/op
# n/a amd64 Workload/workload=serve/mech=target-call this kernel has no TARGET_CALL
# n/a amd64 Workload/workload=attack/mech=native there is no policy that could be attacked
`

func TestWorkloadTable(t *testing.T) {
	f, err := Read(strings.NewReader(workloadDemo), "demo")
	if err != nil {
		t.Fatal(err)
	}
	var set Set
	if err := set.AddFile(f); err != nil {
		t.Fatal(err)
	}
	for width, name := range map[int]string{80: "workload-80.txt", 50: "workload-50.txt"} {
		var out strings.Builder
		if err := set.WorkloadTable(&out, TableOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, name, out.String())
		for line := range strings.Lines(out.String()) {
			if n := runes(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns, not %d: %s", n, width, line)
			}
		}
	}
	var none strings.Builder
	if err := new(Set).WorkloadTable(&none, TableOptions{}); err != nil || !strings.Contains(none.String(), "No results") {
		t.Errorf("of nothing: %q, %v", none.String(), err)
	}
}
