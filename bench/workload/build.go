package workload

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// build is a mix, in the proportions of a compiler's run: headers are looked
// for, some are read, a cache is asked over a socket, a tool is started, and
// an object written. One unit in eight includes a header that is forbidden.
var build = &Workload{
	Name: "build", Doc: "64 units of: stat 16 headers, read 8, ask a cache, start a tool, write an object",
	prepare: func(t *task) (func() error, error) {
		var headers, objects []*byte
		for i := range 16 {
			path := t.open("include", fmt.Sprintf("h%02d.h", i))
			if err := plant(path, 2000, 0o600); err != nil {
				return nil, err
			}
			headers = append(headers, cpath(path))
		}
		private := t.shut("include", "private.h")
		if err := plant(private, 2000, 0o600); err != nil {
			return nil, err
		}
		tool, _, err := t.programs()
		if err != nil {
			return nil, err
		}
		n := t.scaled(64, 8)
		for i := range n {
			path := t.open("object", fmt.Sprintf("unit%02d.o", i))
			if err := plant(path, 0, 0o600); err != nil {
				return nil, err
			}
			objects = append(objects, cpath(path))
		}
		cache, addr, err := t.cache()
		if err != nil {
			return nil, err
		}
		b := &builder{task: t, headers: headers, private: cpath(private), tool: tool, cache: cache, addr: addr}
		return func() error {
			for i, object := range objects {
				if err := b.unit(object, i%8 == 5); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}

type builder struct {
	*task
	headers []*byte
	private *byte
	tool    string
	cache   int
	addr    []byte
	buf     [4096]byte
}

// cache is a socket to ask, of this same process.
func (t *task) cache() (fd int, addr []byte, err error) {
	path := t.open("cache")
	if len(path) > 107 { // sizeof(sun_path) less the NUL, linux/un.h
		return -1, nil, fmt.Errorf("the path of %d bytes to a socket is too long: set TMPDIR to a shorter one", len(path))
	}
	if fd, err = t.socket(unix.AF_UNIX); err != nil {
		return -1, nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return -1, nil, fmt.Errorf("bind the cache: %w", err)
	}
	if err := unix.Listen(fd, 4); err != nil {
		return -1, nil, fmt.Errorf("listen as the cache: %w", err)
	}
	return fd, append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), append([]byte(path), 0)...), nil
}

func (b *builder) unit(object *byte, private bool) error {
	var st unix.Stat_t
	for i, h := range b.headers {
		if err := b.stat(h, &st); err != nil {
			return err
		}
		if i%2 == 0 {
			if err := b.visit(h, b.buf[:]); err != nil {
				return err
			}
		}
	}
	if private {
		if err := b.visit(b.private, b.buf[:]); err != nil {
			return err
		}
	}
	if err := b.talk(b.cache, unix.AF_UNIX, b.addr); err != nil {
		return err
	}
	if err := b.run(b.tool); err != nil {
		return err
	}
	fd, err := b.openat(object, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC)
	if fd < 0 {
		return err
	}
	for range 4 {
		if _, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b.buf[0])), 1024); e != 0 {
			return fmt.Errorf("write an object: %w", e)
		}
		b.calls++
	}
	b.close(fd)
	return nil
}
