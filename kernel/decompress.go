package kernel

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// decompress goes by the first bytes, not by the name. xz is a program, as
// it uses every CPU and Go's would take minutes.
func decompress(ctx context.Context, r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(6)
	if err != nil {
		return nil, fmt.Errorf("%w: archive is too short", ErrNoSource)
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		// An archive says itself how much memory it wants, up to 4 GiB.
		return filter(ctx, r, ErrMissingTool{"xz", "xz-utils"}, "-dc", "-T0", "--memlimit-decompress=1GiB")
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return filter(ctx, r, ErrMissingTool{"zstd", "zstd"}, "-dc")
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return gzip.NewReader(r)
	}
	return io.NopCloser(r), nil
}

// filter is what a program makes of r.
func filter(ctx context.Context, r io.Reader, tool ErrMissingTool, args ...string) (io.ReadCloser, error) {
	program, err := exec.LookPath(tool.Tool)
	if err != nil {
		return nil, &tool
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = r
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &commandReader{out, cmd, cancel, &complaints}, nil
}

// commandReader ends in the command's error, if it failed, instead of in a
// premature EOF. Close ends a command that nobody reads any more.
type commandReader struct {
	io.Reader
	cmd        *exec.Cmd
	cancel     func()
	complaints *strings.Builder
}

func (c *commandReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		if wait := c.wait(); wait != nil {
			err = fmt.Errorf("%s: %w: %s", c.cmd.Path, wait, strings.TrimSpace(c.complaints.String()))
		}
	}
	return n, err
}

func (c *commandReader) Close() error {
	c.cancel()
	_ = c.wait() // it was killed, or has said in Read what it has to say
	return nil
}

func (c *commandReader) wait() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	return c.cmd.Wait()
}
