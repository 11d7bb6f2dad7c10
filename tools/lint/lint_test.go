// Package lint shows that the linter's rules bite: a configuration whose
// paths match nothing is as clean as one that is kept.
package lint

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plants are files that break one rule each. No import here makes a cycle,
// not even with the other plants: such never reaches the linter.
var plants = []struct {
	file, pkg, imports string
	linter             string // that must report it; "" if nothing is wrong with it
}{
	{"abi/plant.go", "abi", "golang.org/x/sys/unix", "depguard"},
	{"abi/plant_ok.go", "abi", "unsafe", ""},
	{"abi/plant_test.go", "abi_test", "unotify-bench/kernel", "depguard"},
	{"abi/plant_ok_test.go", "abi_test", "golang.org/x/sys/unix", ""},
	{"abi/amd64/plant_test.go", "amd64_test", "unotify-bench/kernel", "depguard"},
	{"abi/amd64/plant.go", "amd64", "unotify-bench/abi/arm64", "depguard"},
	{"abi/arm64/plant.go", "arm64", "golang.org/x/sys/unix", "depguard"},
	{"abi/riscv64/plant.go", "riscv64", "golang.org/x/net/bpf", "depguard"},
	{"asmstubs/plant.go", "asmstubs", "golang.org/x/sys/unix", "depguard"},
	{"asmstubs/plant_ok_test.go", "asmstubs", "golang.org/x/sys/unix", ""},
	{"asmstubs/plant_test.go", "asmstubs", "golang.org/x/net/bpf", "depguard"},
	{"internal/notify/plant.go", "notify", "unotify-bench/internal/report", "depguard"},
	{"internal/notify/plant_ok.go", "notify", "unotify-bench/abi/arm64", ""},
	{"internal/notify/plant_test.go", "notify", "unotify-bench/internal/report", "depguard"},
	{"bench/plant.go", "bench", "unotify-bench/kernel", "depguard"},
	{"bench/plant_bpf.go", "bench", "golang.org/x/net/bpf", "depguard"},
	{"bench/plant_test.go", "bench", "unotify-bench/internal/report", "depguard"},
	{"kernel/plant.go", "kernel", "unotify-bench/internal/notify", "depguard"},
	{"kernel/plant_abi.go", "kernel", "unotify-bench/abi/arm64", ""},
	{"kernel/plant_ok.go", "kernel", "github.com/hugelgupf/vmtest/qemu", ""},
	{"kernel/plant_test.go", "kernel", "unotify-bench/internal/report", "depguard"},
	{"internal/report/plant.go", "report", "golang.org/x/sys/unix", "depguard"},
	{"internal/report/plant_ok.go", "report", "unotify-bench/abi/riscv64", ""},
	{"internal/report/plant_test.go", "report", "unotify-bench/asmstubs", "depguard"},
	{"cmd/unotify-bench/plant.go", "main", "github.com/hugelgupf/vmtest/qemu", "depguard"},
	{"cmd/unotify-bench/plant_test.go", "main", "github.com/u-root/u-root/pkg/cpio", "depguard"},
	{"plant_test.go", "main_test", "unotify-bench/bench", "depguard"},
	{"internal/util/plant.go", "util", "unsafe", "revive"},
	{"internal/helpers/plant.go", "helpers", "unsafe", "revive"},
	{"internal/helper/plant.go", "helper", "unsafe", "revive"},
	{"internal/common/plant.go", "common", "unsafe", "revive"},
	{"internal/types/plant.go", "types", "unsafe", "revive"},
	{"internal/seal/plant_ok.go", "seal", "unsafe", ""},
}

// TestPlants lints a copy of the module with plants in it.
func TestPlants(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	linter := filepath.Join(root, "bin", "golangci-lint")
	if _, err := os.Stat(linter); err != nil {
		t.Fatalf("no linter (make lint builds it): %v", err)
	}
	dir := copyOf(t, root)

	var want []string
	for _, p := range plants {
		path := filepath.Join(dir, p.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		src := fmt.Sprintf("// Package %s is planted.\npackage %[1]s\n\nimport _ %q // planted\n", p.pkg, p.imports)
		if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		if p.linter != "" {
			want = append(want, p.file+" "+p.linter)
		}
	}

	cmd := exec.Command(linter, "run", "--enable-only=depguard,revive", "--show-stats=false",
		"--output.text.path=stderr", "--output.json.path=stdout")
	cmd.Dir = dir
	var says strings.Builder
	cmd.Stderr = &says
	out, err := cmd.Output()
	if err == nil {
		t.Errorf("%v: exit status 0", cmd)
	}
	var report struct {
		Issues []struct {
			FromLinter string
			Text       string
			Pos        struct{ Filename string }
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd, err, out, &says)
	}
	var got []string
	for _, i := range report.Issues {
		if strings.Contains(filepath.Base(i.Pos.Filename), "plant") {
			got = append(got, i.Pos.Filename+" "+i.FromLinter)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("not reported: %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("reported: %s", g)
		}
	}
	if t.Failed() {
		t.Logf("%v said\n%s", cmd, &says)
	}
}

// copyOf copies what the linter reads.
func copyOf(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", ".golangci.yml", "abi", "asmstubs", "bench", "cmd", "internal", "kernel"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(root, name), dir).CombinedOutput(); err != nil {
			t.Fatalf("copy %s: %v\n%s", name, err, out)
		}
	}
	return dir
}
