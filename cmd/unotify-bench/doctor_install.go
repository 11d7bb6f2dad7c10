package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// install has the package manager do what r says. Nothing is asked; what
// apt-get prints is shown with --verbose, or when it fails.
func (d *doctor) install(ctx context.Context, r remedy) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("there is no apt-get here; install what these Debian packages bring: %s", strings.Join(r.packages, " "))
	}
	bar := d.newProgress()
	defer bar.End()
	// The lists may be old or, in a container, not there at all.
	bar.Step("update the lists of packages")
	if err := d.aptGet(ctx, r, "update"); err != nil {
		return err
	}
	if len(r.packages) == 0 {
		return nil
	}
	bar.Step("install " + strings.Join(r.packages, " "))
	return d.aptGet(ctx, r, append([]string{"install", "--no-install-recommends"}, r.packages...)...)
}

func (d *doctor) aptGet(ctx context.Context, r remedy, args ...string) error {
	// Another apt-get, of a timer perhaps, may hold the lock.
	argv := append([]string{"apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"}, args...)
	if os.Geteuid() != 0 {
		if _, err := exec.LookPath("sudo"); err != nil {
			return fmt.Errorf("you are not root and there is no sudo; as root: %s", r.line(false))
		}
		// sudo resets the environment.
		argv = append([]string{"sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	// Killed, it would leave packages half installed.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if d.verbose {
		cmd.Stdout, cmd.Stderr = d.stderr, d.stderr
	}
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return fmt.Errorf("%s failed (%w); by hand: %s\n  %s", strings.Join(argv, " "), err, r.line(os.Geteuid() != 0),
		strings.Join(lines[max(0, len(lines)-5):], "\n  "))
}

// ensure installs what is missing, and says nothing otherwise.
func (d *doctor) ensure(ctx context.Context) error {
	wards, err := d.examine(ctx)
	if err != nil {
		return err
	}
	if r := prescribe(wards); !r.empty() {
		return d.install(ctx, r)
	}
	return nil
}
