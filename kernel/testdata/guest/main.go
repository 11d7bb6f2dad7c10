// Command guest is the init of the machines that package kernel's tests boot.
// UNOTIFY_TEST says what it does; most of that is wrong on purpose.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/kernel"
)

func main() {
	g, err := kernel.Guest()
	if err != nil {
		fmt.Println("guest:", err)
		return
	}
	mode, ok := modes[os.Getenv("UNOTIFY_TEST")]
	if !ok {
		fmt.Println("guest: unknown UNOTIFY_TEST")
		return
	}
	mode(g)
}

var modes = map[string]func(g *kernel.GuestConn){
	"hello":     hello,
	"getppid":   getppid,
	"exact":     exact,
	"naps":      naps,
	"look":      look,
	"exit":      func(g *kernel.GuestConn) { emit(g); fmt.Println("guest: leaving") },
	"hang":      func(g *kernel.GuestConn) { emit(g); fmt.Println("guest: hanging"); hang() },
	"spin":      func(g *kernel.GuestConn) { emit(g); fmt.Println("guest: spinning"); spin() },
	"nodone":    func(g *kernel.GuestConn) { emit(g); off(g) },
	"done-hang": func(g *kernel.GuestConn) { emit(g); must(g.Done(0)); hang() },
	"console":   floodConsole,
	"events":    floodEvents,
	"chatty":    func(g *kernel.GuestConn) { emit(g); chat() },
	"splat":     splat,

	"garbage":    raw("\x1b[2J\x00 no json\n"),
	"not-ours":   raw(`{"hugelgupf_vmtest_guest_action":"reboot","Actual":{"run":"RUN","seq":2}}` + "\n"),
	"huge":       raw(`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"RUN","seq":2,"data":"` + strings.Repeat("x", 10<<20) + `"}}` + "\n"),
	"wrong-run":  raw(`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"other","seq":2,"kind":"k","data":1}}` + "\n"),
	"skip-seq":   raw(`{"hugelgupf_vmtest_guest_action":"guestevent","Actual":{"run":"RUN","seq":3,"kind":"k","data":1}}` + "\n"),
	"half":       raw(`{"hugelgupf_vmtest_guest_action":"guestev`),
	"after-done": afterDone,
}

// hello is the guest as it should be.
func hello(g *kernel.GuestConn) {
	emit(g)
	must(g.Done(7))
	off(g)
}

func emit(g *kernel.GuestConn) { must(g.Emit("hello", map[string]int{"n": 1})) }

func getppid(g *kernel.GuestConn) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	deltas := make([]uint64, 200)
	start := counter() // the whole boot, to the instruction
	for i := range deltas {
		t := counter()
		unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		deltas[i] = counter() - t
	}
	must(g.Emit("deltas", map[string]any{"start": start, "deltas": deltas}))
	must(g.Done(0))
	off(g)
}

// naps makes the CPU idle again and again, for times of many lengths.
func naps(g *kernel.GuestConn) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	var ends [500]uint64
	for i := range ends {
		ts := unix.NsecToTimespec(int64(1000 * (i%97 + 1)))
		must(unix.Nanosleep(&ts, nil))
		ends[i] = counter()
	}
	must(g.Emit("ends", ends))
	must(g.Done(0))
	off(g)
}

func exact(g *kernel.GuestConn) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	for range 3 {
		var d [4]uint64
		d[0], d[1], d[2], d[3] = nops0(), nops1(), nops2(), nops7()
		must(g.Emit("nops", d))
	}
	must(g.Done(0))
	off(g)
}

// look reports what Guest set up and what Files, Execs and Params gave.
func look(g *kernel.GuestConn) {
	host, _ := os.Hostname()
	job, _ := os.ReadFile("/job.json")
	out, err := exec.Command("/bin/again").CombinedOutput()
	null, nullErr := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	null.Close()
	mounts, _ := os.ReadFile("/proc/mounts")
	var dirs []string
	for l := range strings.Lines(string(mounts)) {
		dirs = append(dirs, strings.Fields(l)[1])
	}
	lo, _ := os.ReadFile("/sys/class/net/lo/flags")
	must(g.Emit("look", map[string]any{
		"pid": os.Getpid(), "host": host, "job": string(job), "param": os.Getenv("SOME"),
		"again": string(bytes.TrimSpace(out)), "againErr": fmt.Sprint(err), "null": fmt.Sprint(nullErr),
		"mounts": dirs, "lo": strings.TrimSpace(string(lo)), "inGuest": kernel.InGuest(), "cpus": runtime.NumCPU(),
	}))
	must(g.Done(0))
	off(g)
}

// hang does not sleep: under icount with sleep=off that takes no time.
func hang() {
	for {
		unix.Pause()
	}
}

func spin() {
	for {
		counter()
	}
}

func chat() {
	for {
		fmt.Println("guest: still here")
		time.Sleep(100 * time.Millisecond)
	}
}

func floodConsole(g *kernel.GuestConn) {
	emit(g)
	line := []byte(strings.Repeat("flood ", 170) + "\n")
	for range 100 << 20 / len(line) {
		os.Stdout.Write(line)
	}
	must(g.Done(0))
	off(g)
}

func floodEvents(g *kernel.GuestConn) {
	for i := range 1 << 30 {
		must(g.Emit("n", i))
	}
}

// splat prints, through the kernel, what a WARN() prints.
func splat(g *kernel.GuestConn) {
	must(os.WriteFile("/dev/kmsg", []byte("<4>WARNING: CPU: 0 PID: 1 at kernel/none.c:1 none+0x0/0x0\n"), 0))
	hello(g)
}

func afterDone(g *kernel.GuestConn) {
	emit(g)
	must(g.Done(0))
	must(g.Emit("late", 1))
	off(g)
}

// raw sends one good event and then s as it is.
func raw(s string) func(*kernel.GuestConn) {
	return func(g *kernel.GuestConn) {
		emit(g)
		b := []byte(strings.ReplaceAll(s, "RUN", os.Getenv("UNOTIFY_RUN")))
		fd := port()
		for len(b) > 0 {
			n, err := unix.Write(fd, b)
			must(err)
			b = b[n:]
		}
		off(g)
	}
}

// port finds the descriptor that Guest opened: a port opens only once.
func port() int {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, l := range links {
		if to, _ := os.Readlink(l); strings.HasPrefix(to, "/dev/vport") {
			var fd int
			fmt.Sscan(filepath.Base(l), &fd)
			return fd
		}
	}
	panic("no port")
}

func off(g *kernel.GuestConn) { must(g.Poweroff()) }

func must(err error) {
	if err != nil {
		fmt.Println("guest:", err)
		os.Exit(1)
	}
}
