package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openat opens a file by an absolute path of ordinary length. Each call is
// checked by reading from the descriptor: the file's length is the only one
// of its kind in the directory.
var _ = registerCase(&Case{
	Syscall: "openat",
	Doc:     "open a file by its path",
	Pointer: 1,
	Size:    SizeString,
	prepare: func(s *scene) (*script, error) {
		content := []byte("the right one")
		path := filepath.Join(s.dir, "file")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, fmt.Errorf("write the file to open: %w", err)
		}
		fd, err := nextFD()
		if err != nil {
			return nil, err
		}
		addr, mem := s.put([]byte(path))
		buf, _ := s.put(make([]byte, 64))
		at := int64(unix.AT_FDCWD)
		sc := &script{
			call:   step("openat", fd, uint64(at), addr, unix.O_RDONLY|unix.O_CLOEXEC),
			memory: mem,
		}
		sc.after = append(sc.after,
			step("read", uint64(len(content)), fd, buf, 64),
			step("close", 0, fd))
		return sc, nil
	},
})
