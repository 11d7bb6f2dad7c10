package notify

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// ThreadState is the letter of a thread's state in proc(5): 'S' sleeps, 'T' is
// stopped, 't' by a tracer, 'Z' is dead; 0 is gone. Who was just woken does not
// sleep: a waker marks the sleeper runnable before it goes on itself.
func ThreadState(tid int) byte {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/stat", tid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var buf [512]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return 0
	}
	// The name before it may hold anything but a newline.
	i := bytes.LastIndexByte(buf[:n], ')')
	if i < 0 || i+2 >= n {
		return 0
	}
	return buf[i+2]
}
