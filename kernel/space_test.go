package kernel

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// diskFullEnv makes a test the child that has a small file system of its
// own: its value is the directory to mount it on.
const diskFullEnv = "UNOTIFY_TEST_DISK_FULL"

func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(diskFullEnv); dir != "" {
		diskFull(t, dir)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), diskFullEnv+"="+t.TempDir())
	// A user namespace, so that mounting needs no root.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestDiskFull") {
		t.Fatalf("the child tested nothing:\n%s", out)
	}
}

func diskFull(t *testing.T, dir string) {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.CacheDir = filepath.Join(dir, "cache")
	good := f.build()
	wantGood := func() {
		t.Helper()
		if sum, err := FileSHA256(good.Path); err != nil || sum != good.SHA256 {
			t.Errorf("the image that was there is now %s, %v", sum, err)
		}
		if list, err := f.List(); err != nil || len(list) != 1 || list[0].Damaged != "" {
			t.Errorf("List: %+v, %v", list, err)
		}
	}
	wantNoSpace := func(err error, need string) {
		t.Helper()
		if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), need+" MiB are needed") {
			t.Errorf("%v, want ErrNoSpace, the directory and %s MiB", err, need)
		}
	}

	// Found out before anything is compiled.
	other := newFake(t)
	other.CacheDir, other.objectRoom = f.CacheDir, 0
	_, err := other.Build(t.Context(), fakeArch, Stock)
	wantNoSpace(err, "512")
	other.wantCompiled()
	wantGood()

	// Found out by the compiler.
	other = newFake(t)
	other.CacheDir = f.CacheDir
	other.hook("[ $1 != obj4 ] || head -c 8000000 /dev/zero > $2")
	_, err = other.Build(t.Context(), fakeArch, Stock)
	wantNoSpace(err, "512")
	wantGood()

	// Found out while unpacking. What was unpacked is gone.
	other = newFake(t)
	other.CacheDir = f.CacheDir
	other.write(filepath.Join(other.tree, "big"), make([]byte, 8<<20))
	other.pack()
	_, err = other.Build(t.Context(), fakeArch, Stock)
	wantNoSpace(err, "1024")
	if left, _ := filepath.Glob(filepath.Join(f.CacheDir, "source", "*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
	wantGood()
}
