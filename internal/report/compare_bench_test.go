package report

import (
	"bytes"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"
)

// manyRows is a results file of n lines, in rows of so many runs.
func manyRows(n, runs, add int) []byte {
	var out bytes.Buffer
	out.WriteString("Unit insns/op better=lower\ngoos: linux\ngoarch: amd64\nkernel: 6.12.117\naccel: tcg\nclock: insns\nqemu: 7.2.22\n\n")
	for run := range runs {
		for row := range n / runs {
			v := 6000 + row + 7*(run*row%5) + add
			fmt.Fprintf(&out, "BenchmarkNotify/mech=m%d/syscall=openat/wake=sync/cpus=same-1 300 %d insns/op %d.5 mean-insns/op %d p90-insns/op %d p99-insns/op %d p99.9-insns/op %d max-insns/op 4202 native-insns/op 673 supervisor-insns/op 4234.091 supervisor-cpu-ns/op 2665 target-cpu-ns/op 2.007 csw/op\n",
				row, v, v, v+10, v+100, v+1000, v+1001)
		}
	}
	return out.Bytes()
}

// BenchmarkCompare is two files of 10,000 results, from reading them to the
// table: the bar is a second.
func BenchmarkCompare(b *testing.B) {
	for _, runs := range []int{1, 5, 10} {
		for _, all := range []bool{false, true} {
			b.Run(fmt.Sprintf("results=10000/runs=%d/all=%v", runs, all), func(b *testing.B) {
				before, after := manyRows(10000, runs, 0), manyRows(10000, runs, 3)
				benchCompare(b, before, after, CompareOptions{All: all})
			})
		}
	}
	b.Run("results=50000/runs=5/all=false", func(b *testing.B) {
		benchCompare(b, manyRows(50000, 5, 0), manyRows(50000, 5, 3), CompareOptions{})
	})
}

// benchCompare reports CPU time beside time, which says little where others
// have the CPUs.
func benchCompare(b *testing.B, before, after []byte, o CompareOptions) {
	b.Helper()
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		compareBytes(b, before, after, o)
	}
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func compareBytes(t testing.TB, before, after []byte, o CompareOptions) {
	t.Helper()
	x, err := Read(bytes.NewReader(before), "old")
	if err != nil {
		t.Fatal(err)
	}
	y, err := Read(bytes.NewReader(after), "new")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Text(io.Discard, false); err != nil {
		t.Fatal(err)
	}
}
