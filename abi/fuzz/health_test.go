package fuzz

import (
	"strings"
	"testing"
)

// TestFirstLost keeps of a report of kmemleak which object it is and who made it.
func TestFirstLost(t *testing.T) {
	const text = `unreferenced object 0xffff8880073aa000 (size 1024):
  comm "exe", pid 46, jiffies 4294937741
  hex dump (first 32 bytes):
    2f 74 6d 70 2f 75 6e 6f 74 69 66 79 2d 6f 77 6e  /tmp/unotify-own
  backtrace (crc 1):
    seccomp_notify_inject+0x1/0x2
    __do_sys_ioctl+0x3/0x4
unreferenced object 0xffff8880073ab000 (size 64):
  comm "exe", pid 47, jiffies 4294937742
`
	want := `unreferenced object 0xffff8880073aa000 (size 1024):; comm "exe", pid 46, jiffies 4294937741; hex dump (first 32 bytes):; backtrace (crc 1):; seccomp_notify_inject+0x1/0x2; __do_sys_ioctl+0x3/0x4`
	if got := firstLost(text); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := firstLost(strings.Repeat("  x\n", 10*saidMax)); len(got) > saidMax {
		t.Errorf("a report of %d bytes is kept", len(got))
	}
}
