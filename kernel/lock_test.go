package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestTwoBuildsAtOnce(t *testing.T) {
	f := newFake(t)
	goOn := filepath.Join(t.TempDir(), "go-on")
	begun := goOn + ".begun"
	f.hook("touch " + begun + "; while [ ! -e " + goOn + " ]; do sleep 0.01; done")
	f.pack()
	// The second says that it waits; that lets the first go on.
	second := &recorder{onLog: func(string) { f.write(goOn, nil) }}
	other := *f.Builder
	other.Progress = second
	type result struct {
		img *Image
		err error
	}
	results := make(chan result, 2)
	build := func(b *Builder) {
		img, err := b.Build(t.Context(), fakeArch, Stock)
		results <- result{img, err}
	}
	go build(f.Builder)
	for !fileExists(begun) && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	go build(&other)
	a, b := <-results, <-results
	if a.err != nil || b.err != nil {
		t.Fatal(a.err, b.err)
	}
	if *a.img != *b.img {
		t.Errorf("two builds: %+v and %+v", a.img, b.img)
	}
	f.wantCompiled(allObjects...)
	if !second.logged("waiting for process "+strconv.Itoa(os.Getpid()), "riscv64 stock") {
		t.Errorf("the second did not say that it waits: %q", second.logs)
	}
}

func TestWaitingCanBeInterrupted(t *testing.T) {
	held, err := lock(t.Context(), filepath.Join(t.TempDir(), "lock"), "a test", silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithCancel(t.Context())
	rec := &recorder{onLog: func(string) { cancel() }}
	if _, err := lock(ctx, held.Name(), "a test", rec); !errors.Is(err, context.Canceled) {
		t.Errorf("lock: %v, want context.Canceled", err)
	}
}

// killedEnv makes a test the child that is killed while it builds: its value
// is the cache directory and the source, as a path list.
const killedEnv = "UNOTIFY_TEST_KILLED"

// Whoever builds may be killed, while a compiler below it goes on for a
// moment. Until that is over, nobody else may touch the tree.
func TestKilledBuilderStaysLockedUntilItsCompilersEnd(t *testing.T) {
	if list := filepath.SplitList(os.Getenv(killedEnv)); len(list) == 2 {
		b := &Builder{CacheDir: list[0], Source: list[1], Jobs: 1, objectRoom: 1}
		_, err := b.Build(t.Context(), fakeArch, Stock)
		t.Fatalf("built, with error %v, instead of being killed", err)
	}
	f := newFake(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	f.hook("if [ $1 = obj2 ] && [ ! -e " + pidFile + " ]; then sleep 1000 & echo $! > " + pidFile + ".new; mv " + pidFile + ".new " + pidFile + "; wait; fi")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), killedEnv+"="+f.CacheDir+string(filepath.ListSeparator)+f.Source)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	compiler := awaitPid(t, pidFile)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	if !alive(compiler) {
		t.Fatal("the compiler ended with the builder: nothing is tested")
	}
	f.rec.onLog = func(string) { _ = syscall.Kill(compiler, syscall.SIGKILL) }
	f.build()
	if !f.rec.logged("waiting for process "+strconv.Itoa(child.Process.Pid), "riscv64 stock") {
		t.Errorf("nobody waited: %q", f.rec.logs)
	}
}
