package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOneInstruction shows that the counter of each architecture sees a
// single instruction: N more of them between two readings make N more.
func TestOneInstruction(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		got, _, err := boot(t, testMachine(t, arch, "exact"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			var d [4]uint64
			if err := json.Unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			if want := [4]uint64{d[0], d[0] + 1, d[0] + 2, d[0] + 7}; d != want {
				t.Errorf("0, 1, 2 and 7 instructions took %v, want %v", d, want)
			}
			t.Logf("0, 1, 2 and 7 instructions: %v", d)
		}
	})
}

// TestSameSeedSameSamples boots one seed again and again, idle and beside work
// that takes all of the host's CPUs, and another seed once. The number of boots
// is UNOTIFY_TEST_BOOTS of each kind.
func TestSameSeedSameSamples(t *testing.T) {
	idle, busy := 3, 2
	if s := os.Getenv("UNOTIFY_TEST_BOOTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		idle, busy = n, n
	}
	eachArch(t, func(t *testing.T, arch string) {
		// naps makes the CPU idle, which is where QEMU is not deterministic.
		for _, mode := range []string{"getppid", "naps"} {
			t.Run(mode, func(t *testing.T) {
				first := samples(t, arch, mode, 1)
				for range idle - 1 {
					if d := cmp.Diff(first, samples(t, arch, mode, 1)); d != "" {
						t.Fatalf("idle host (-first +this):\n%s", d)
					}
				}
				stop := load(t)
				for range busy {
					if d := cmp.Diff(first, samples(t, arch, mode, 1)); d != "" {
						t.Fatalf("busy host (-idle +busy):\n%s", d)
					}
				}
				stop()
				if first == samples(t, arch, mode, 2) {
					t.Error("another seed gives the same samples: is the seed used?")
				}
				t.Logf("%d idle and %d busy boots gave %x: %.120s", idle, busy, sha256.Sum256([]byte(first)), first)
			})
		}
	})
}

// samples are the bytes of the events of a boot.
func samples(t *testing.T, arch, mode string, seed uint64) string {
	t.Helper()
	m := testMachine(t, arch, mode)
	m.Seed = seed
	got, _, err := boot(t, m)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range got {
		fmt.Fprintf(&b, "%d %s %s\n", e.Seq, e.Kind, e.Data)
	}
	return b.String()
}

// load keeps all CPUs busy until stop is called.
func load(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for ctx.Err() == nil {
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}
