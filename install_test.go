package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// installPage is the commands of docs/install.md by the section they are in.
func installPage(t *testing.T) map[string][]string {
	t.Helper()
	sections := map[string][]string{}
	title := ""
	for line := range strings.Lines(readAll(t, filepath.Join("docs", "install.md"))) {
		if after, ok := strings.CutPrefix(line, "## "); ok {
			title = strings.TrimSpace(after)
		}
		if command, ok := strings.CutPrefix(line, "    "); ok {
			sections[title] = append(sections[title], strings.TrimSpace(command))
		}
	}
	if want := []string{"From a tarball", "From source", "On Debian"}; len(sections) != len(want) {
		t.Fatalf("docs/install.md has commands in %d sections, and %q are tested", len(sections), want)
	}
	return sections
}

// installs does what the page says with the files of a release, as an ordinary user
// and without Go, and what it says of directories that cannot be written to.
func installs(t *testing.T, root, dist string) {
	t.Helper()
	page := installPage(t)
	// The page's reader chooses the architecture.
	setArch := "ARCH=" + runtime.GOARCH
	for i, line := range page["From a tarball"] {
		if strings.HasPrefix(line, "ARCH=amd64 ") {
			page["From a tarball"] = slices.Delete(page["From a tarball"], i, i+1)
		}
	}
	where, home := filepath.Join(root, "downloads"), filepath.Join(root, "home")
	for _, dir := range []string{where, home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dist)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Link(filepath.Join(dist, e.Name()), filepath.Join(where, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"HOME=" + home, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "MANPAGER=cat", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}

	t.Run("tarball", func(t *testing.T) {
		out := ""
		for _, line := range page["From a tarball"] {
			out += sh(t, where, env, ordinary, setArch+"; "+line)
		}
		wantIn(t, out, ".tar.gz: OK\n", "unotify-bench v"+distVersion+" ", "What one call takes", "UNOTIFY-BENCH-RUN(1)")
	})
	t.Run("read-only", func(t *testing.T) {
		top := filepath.Join(where, "unotify-bench-"+distVersion+"-linux-"+runtime.GOARCH)
		sh(t, where, env, ordinary, "chmod -R a-w '"+top+"'")
		readOnly(t, top, append(env, "PATH="+t.TempDir())) // nothing to call
		sh(t, where, env, ordinary, "chmod -R u+w '"+top+"'")
	})
	t.Run("deb", func(t *testing.T) {
		// Where the page's reader is root on the machine, we are in a directory.
		target := filepath.Join(root, "target")
		for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"} {
			if err := os.MkdirAll(filepath.Join(target, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(target, "var/lib/dpkg/status"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		asRoot := append(env, "DPKG_ROOT="+target, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
		env := append(env, "PATH="+target+"/usr/bin:/usr/bin:/bin", "MANPATH="+target+"/usr/share/man")
		out := ""
		program := filepath.Join(target, "usr", "bin", "unotify-bench")
		for _, line := range page["On Debian"] {
			if !strings.HasPrefix(line, "dpkg ") {
				out += sh(t, where, env, ordinary, setArch+"; "+line)
				continue
			}
			if strings.HasPrefix(line, "dpkg -r ") {
				readOnly(t, filepath.Join(target, "usr"), env)
				bootsGuest(t, program, where, env)
			}
			sh(t, where, asRoot, superuser, setArch+"; "+line)
			if _, err := os.Stat(program); (err == nil) != strings.HasPrefix(line, "dpkg -i ") {
				t.Errorf("after %s: %v", line, err)
			}
		}
		wantIn(t, out, "unotify-bench v"+distVersion+" ", " checks: ", "UNOTIFY-BENCH(1)")
	})
	t.Run("manual", func(t *testing.T) {
		pages, err := filepath.Glob(filepath.Join(home, ".local/share/man/man1/*.1"))
		if err != nil || len(pages) < 20 {
			t.Fatalf("%d pages: %v", len(pages), err)
		}
		for _, p := range pages {
			cmd := exec.Command("groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", "-z", p)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %v\n%s", cmd, err, out)
			}
		}
	})
	t.Run("completion", func(t *testing.T) {
		share := filepath.Join(home, ".local", "share")
		out, err := exec.Command("bash", "-c", `. "$1" && complete -p unotify-bench`, "bash", filepath.Join(share, "bash-completion/completions/unotify-bench")).CombinedOutput()
		if err != nil {
			t.Errorf("bash: %v\n%s", err, out)
		}
		wantIn(t, string(out), "__start_unotify-bench unotify-bench\n")
		wantIn(t, readAll(t, filepath.Join(share, "zsh/site-functions/_unotify-bench")), "#compdef unotify-bench\n")
		wantIn(t, readAll(t, filepath.Join(share, "fish/vendor_completions.d/unotify-bench.fish")), "complete -c unotify-bench ")
	})
}

// readOnly runs an installation as somebody who cannot write to it, on this machine,
// and lets it find what it boots in others.
func readOnly(t *testing.T, top string, env []string) {
	t.Helper()
	program := filepath.Join(top, "bin", "unotify-bench")
	runs := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = env
		ordinary(cmd)
		out, err := cmd.CombinedOutput()
		// Of doctor, what it finds is wanted, and not whether that is enough.
		if err != nil && args[0] != "doctor" {
			t.Errorf("%v: %v\n%s", cmd, err, out)
		}
		return string(out)
	}
	wantIn(t, runs("version"), "unotify-bench v"+distVersion+" ")
	wantIn(t, runs("abi", "--list"), "\nreply.")
	wantIn(t, runs("abi", "--on", "host", "--run", "reply", "--expect", "stock"), " checks: ")
	wantIn(t, runs("run", "--on", "host", "--mech", "native,reply", "--syscall", "getppid", "--quick"), "reply")
	wantIn(t, runs("kernel", "config", "--on", "riscv64"), "CONFIG_SECCOMP_FILTER=y")
	doctor := runs("doctor", "--on", "amd64,arm64,riscv64")
	for _, arch := range distArches {
		wantIn(t, doctor, filepath.Join(top, "lib", "unotify-bench", "unotify-bench-linux-"+arch)+"\n")
	}
}

// bootsGuest has an installation, and an ordinary user without a cache, boot a kernel.
func bootsGuest(t *testing.T, program, dir string, env []string) {
	t.Helper()
	ours := ""
	for _, verb := range []string{"build", "path"} {
		out, err := exec.CommandContext(t.Context(), program, "kernel", verb, "--on", "amd64").Output()
		if err != nil {
			t.Fatalf("%s kernel %s: %v", program, verb, err)
		}
		ours = strings.TrimSpace(string(out))
	}
	image, err := os.ReadFile(ours)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kernel")
	if err := os.WriteFile(path, image, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "abi", "--on", "amd64", "--kernel", path, "--run", "^wire", "--quiet")
	cmd.Env = env
	ordinary(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", cmd, err, out)
	}
	wantIn(t, string(out), "-patched): 5 checks: 5 pass")
}

// nobody is who owns nothing, on any Linux.
const nobody = 65534

// ordinary lets a command run as an ordinary user.
func ordinary(cmd *exec.Cmd) {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// superuser lets a command run as root, of a user namespace if need be.
func superuser(cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
}

func wantIn(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}
