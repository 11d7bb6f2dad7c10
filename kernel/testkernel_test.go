package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
	"unotify-bench/internal/leak"
)

var testArches = []string{"amd64", "arm64", "riscv64"}

var archByName = map[string]*abi.Arch{"amd64": &amd64.Arch, "arm64": &arm64.Arch, "riscv64": &riscv64.Arch}

var images sync.Map // architecture to *Image

// testImage returns the stock kernel, which it builds if the cache has none.
func testImage(t testing.TB, arch string) *Image {
	t.Helper()
	if img, ok := images.Load(arch); ok {
		return img.(*Image)
	}
	img, err := (&Builder{}).Build(t.Context(), archByName[arch], Stock)
	if err != nil {
		t.Fatal(err)
	}
	images.Store(arch, img)
	return img
}

// programs are built once for all tests.
var programs = struct {
	sync.Mutex
	dir  string
	made map[string]string
}{made: map[string]string{}}

// testProgram builds testdata/name for the guest.
func testProgram(t testing.TB, name, arch string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	key := name + "." + arch
	if p, ok := programs.made[key]; ok {
		return p
	}
	p := filepath.Join(programs.dir, key)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", p, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	programs.made[key] = p
	return p
}

// testMachine is a machine whose guest does what mode says.
func testMachine(t testing.TB, arch, mode string) *Machine {
	t.Helper()
	return &Machine{
		Image:  testImage(t, arch),
		Init:   testProgram(t, "guest", arch),
		Params: []string{"UNOTIFY_TEST=" + mode, "GODEBUG=asyncpreemptoff=1"},
		Run:    "test-run",
		Seed:   1,
	}
}

// eachArch runs f for every architecture.
func eachArch(t *testing.T, f func(t *testing.T, arch string)) {
	for _, a := range testArches {
		t.Run(a, func(t *testing.T) { f(t, a) })
	}
}

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// testMain holds the directory of the guests' programs.
func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "unotify-kernel-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs.dir = dir
	// The plugin is compiled once a process.
	return leak.Tests{M: m, Kept: []string{"/memfd:unotify-plugin"}}.Run()
}
