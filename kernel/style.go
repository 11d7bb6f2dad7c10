package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"unotify-bench/internal/tempdir"
)

// styleIgnored are the types of complaint of Linux's checkpatch.pl that do
// not count, each with the reason.
var styleIgnored = []struct{ kind, reason string }{
	{"FILE_PATH_CHANGES", "a new file wants a line in MAINTAINERS: nobody maintains what is only proposed"},
	{"ENOSYS", "it means an invalid syscall number, says the complaint about every use; here it does"},
}

// styleTool runs checkpatch.pl.
var styleTool = Tool{"perl", "perl", "check the patches' style"}

// checkStyle lets the source's own checkpatch.pl look at a patch, and returns
// its errors and warnings.
func checkStyle(ctx context.Context, src *source, p patch) error {
	temp, err := tempdir.New("")
	if err != nil {
		return err
	}
	defer func() { _ = temp.Remove() }()
	dir := temp.Path
	file := filepath.Join(dir, filepath.Base(p.name))
	if err := os.WriteFile(file, []byte(p.text), 0o644); err != nil {
		return err
	}
	var ignore []string
	for _, i := range styleIgnored {
		ignore = append(ignore, i.kind)
	}
	cmd := exec.CommandContext(ctx, "perl", filepath.Join(src.dir, "scripts/checkpatch.pl"),
		"--root="+src.dir, "--show-types", "--terse", "--no-summary", "--ignore", strings.Join(ignore, ","), file)
	// It reads .checkpatch.conf here and at home, and asks git about the
	// repository that it is in.
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && len(out) > 0:
		return fmt.Errorf("%w:\n  %s", ErrStyle,
			strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(string(out), dir+"/", "")), "\n", "\n  "))
	case errors.As(err, &exit):
		return fmt.Errorf("checkpatch.pl: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
