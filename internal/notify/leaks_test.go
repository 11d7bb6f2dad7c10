package notify

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slabSlack is how many objects of a cache may be more than before: the
// machine lives. What is lost with each notification, or each kill, is more.
const slabSlack = 32

// slab is what /proc/slabinfo says of a cache. Active counts all objects of the
// slab that a CPU takes from at the moment, also those that are free (mm/slub.c:
// get_slabinfo knows the free ones of other slabs only).
type slab struct{ active, perSlab int }

// watched are the caches of what a notification, a pin, a target and its
// supervisor are made of. Most of seccomp is in kmalloc-*, what is charged to a
// memory cgroup (with CONFIG_MEMCG) in kmalloc-cg-*; vmap_area has the programs of
// filters, and buffers that kvmalloc gave.
var watched = []string{
	"kmalloc-[0-9]*", "kmalloc-cg-[0-9]*", "vm_area_struct", "vmap_area", "filp", "mm_struct", "task_struct", "files_cache",
	"signal_cache", "sighand_cache", "cred", "pid", "shmem_inode_cache",
}

// slabs counts the objects of the watched caches, once everything that is only
// kept for later has been given back.
func slabs(t *testing.T) map[string]slab {
	t.Helper()
	began := time.Now()
	defer func() { t.Logf("counted slabs in %v", time.Since(began).Round(time.Millisecond)) }()
	unix.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		t.Fatal(err)
	}
	// Each also empties KASAN's quarantine of the cache.
	for _, pattern := range watched {
		shrink, err := filepath.Glob("/sys/kernel/slab/" + pattern + "/shrink")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range shrink {
			if err := os.WriteFile(name, []byte("1"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		t.Fatal(err)
	}
	counts, err := parseSlabs(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// parseSlabs reads what there is of watched caches from /proc/slabinfo.
func parseSlabs(text string) (map[string]slab, error) {
	counts := map[string]slab{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "slabinfo") || strings.HasPrefix(line, "#") {
			continue
		}
		var name string
		var s slab
		var all, size int
		if _, err := fmt.Sscanf(line, "%s %d %d %d %d", &name, &s.active, &all, &size, &s.perSlab); err != nil {
			return nil, fmt.Errorf("slabinfo has %q: %w", line, err)
		}
		for _, pattern := range watched {
			if ok, _ := filepath.Match(pattern, name); ok {
				counts[name] = s
			}
		}
	}
	for _, name := range []string{"kmalloc-64", "kmalloc-256", "vm_area_struct", "filp", "mm_struct", "task_struct"} {
		if counts[name].active == 0 {
			return nil, fmt.Errorf("slabinfo has no %s", name)
		}
	}
	return counts, nil
}

// grown lists the caches that hold more than before.
func grown(before, after map[string]slab, cpus int) (list []string) {
	for name, s := range after {
		if s.active > before[name].active+slabSlack+cpus*s.perSlab {
			list = append(list, fmt.Sprintf("%s: %d, was %d", name, s.active, before[name].active))
		}
	}
	return list
}

// checkSlabs waits until every cache is back: much is freed after a grace
// period, or by a worker.
func checkSlabs(t *testing.T, before map[string]slab) {
	t.Helper()
	var list []string
	for range 5 {
		after := slabs(t)
		if list = grown(before, after, runtime.NumCPU()); len(list) == 0 {
			most, which := 0, "none"
			for name, s := range after {
				if d := s.active - before[name].active; d > most {
					most, which = d, name
				}
			}
			t.Logf("slabs are back: %d caches, the most in %s: %+d", len(after), which, most)
			return
		}
		time.Sleep(5 * time.Second)
	}
	t.Errorf("slabs that never come back:\n%s", strings.Join(list, "\n"))
}

// checkKmemleak lets kmemleak look twice: an object counts only once it has
// been there for some seconds.
func checkKmemleak(t *testing.T) {
	t.Helper()
	const dir, file = "/sys/kernel/debug", "/sys/kernel/debug/kmemleak"
	if _, err := os.Stat(file); err != nil {
		if err := unix.Mount("debugfs", dir, "debugfs", 0, ""); err != nil {
			t.Fatalf("mount debugfs: %v", err)
		}
	}
	for range 2 {
		time.Sleep(6 * time.Second) // jiffies_min_age in mm/kmemleak.c
		if err := os.WriteFile(file, []byte("scan"), 0); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("unreferenced object")); n > 0 {
		// A thousand of them, with call stacks, take half an hour to leave a slow machine.
		const enough = 16 << 10
		t.Errorf("kmemleak has found %d:\n%s", n, b[:min(len(b), enough)])
		return
	}
	t.Log("kmemleak has found nothing")
}

func TestGrown(t *testing.T) {
	const head = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs>\n"
	text := head + "kmalloc-64 10 20 64 64\nkmalloc-256 1 2 256 16\nproc_inode_cache 1 1 700 12\n" +
		"vm_area_struct 100 200 176 20\nfilp 5 5 256 16\nmm_struct 6 7 1000 8\ntask_struct 7 8 2000 4\n"
	before, err := parseSlabs(text)
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseSlabs(strings.Replace(text, "struct 100", "struct 173", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := grown(before, after, 2); len(got) != 1 || got[0] != "vm_area_struct: 173, was 100" {
		t.Errorf("grown are %q", got)
	}
	if got := grown(before, after, 3); got != nil {
		t.Errorf("with a third CPU, which may have a slab, grown are %q", got)
	}
	if got := grown(after, before, 2); got != nil {
		t.Errorf("after what was freed, grown are %q", got)
	}
	for _, text := range []string{head, "nonsense\n"} {
		if _, err := parseSlabs(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
