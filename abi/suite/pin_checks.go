package suite

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

const srcPin = "uapi.md, Proposed 3: pinned memory"

var _ = later(pinErrors)

func pinErrors() struct{} {
	page := uint64(os.Getpagesize())
	for _, e := range []struct {
		name, what string
		level      Level
		change     func(*T, *pinned, *abi.NotifPinInstall)
		want       unix.Errno
	}{
		{"flag", "a flag, and a bad descriptor", Ours, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.Flags, i.MemFD = 1, 1<<20 }, unix.EINVAL},
		{"no-size", "no size", Must, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.Size = 0 }, unix.EINVAL},
		{"size", "a size one byte short of a page", Must, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.Size-- }, unix.EINVAL},
		{"address", "an address inside a page", Must, func(_ *T, p *pinned, i *abi.NotifPinInstall) { i.TargetAddr = p.at + 8 }, unix.EINVAL},
		{"offset", "an offset inside a page", Must, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.Offset = 1 }, unix.EINVAL},
		{"descriptor", "a bad descriptor, and an unknown id", Ours, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.MemFD, i.ID = 1<<20, i.ID+1000 }, unix.EBADF},
		{"unsealed", "a memfd without seals, and an unknown id", Ours, func(t *T, _ *pinned, i *abi.NotifPinInstall) { i.MemFD, i.ID = t.memfd(0), i.ID+1000 }, unix.EINVAL},
		{"not-memfd", "a descriptor of something else", Must, func(_ *T, p *pinned, i *abi.NotifPinInstall) { i.MemFD = uint32(p.FD) }, unix.EINVAL},
		{"shrinkable", "a memfd that can be truncated", Ours, func(t *T, _ *pinned, i *abi.NotifPinInstall) { i.MemFD = t.memfd(unix.F_SEAL_FUTURE_WRITE) }, unix.EINVAL},
		{"writable", "a memfd that can be written", Must, func(t *T, _ *pinned, i *abi.NotifPinInstall) { i.MemFD = t.memfd(unix.F_SEAL_SHRINK) }, unix.EINVAL},
		{"unknown-id", "an id that was never given", Must, func(_ *T, _ *pinned, i *abi.NotifPinInstall) { i.ID += 1000 }, unix.ENOENT},
		{"taken", "the place of another pin", Must, func(_ *T, p *pinned, i *abi.NotifPinInstall) { i.TargetAddr = p.at }, unix.EEXIST},
		{"taken-below", "a place that reaches into another pin's", Must, func(_ *T, p *pinned, i *abi.NotifPinInstall) {
			i.TargetAddr, i.Size = p.at-page, 2*page
		}, unix.EEXIST},
		{"taken-memory", "the place of the target's own memory", Must, func(_ *T, p *pinned, i *abi.NotifPinInstall) { i.TargetAddr = p.page() }, unix.EEXIST},
	} {
		add(Check{ID: "pin.error-" + e.name, Level: e.level, Source: srcPin + ", errors", Needs: needsPins,
			Doc: e.what + " is " + errName(e.want) + "; the notification stays",
			run: func(t *T) {
				p := t.withPin(call(unix.SYS_GETPPID), 2*int(page))
				i := p.request(p.pin)
				e.change(t, p, &i)
				t.errno(e.what, p.InstallPin(&i), e.want)
				p.pends(p.n.ID, e.what)
				p.answer(p.n.ID, 1)
			}})
	}
	// What the target tries against a pin, and is refused. Without a pin, the
	// same is the control on memory of its own.
	const prot = unix.PROT_READ | unix.PROT_WRITE
	for _, e := range []struct {
		name    string
		nr      int
		args    func(at, size uint64) []uint64
		refused []unix.Errno
	}{
		{"munmap", unix.SYS_MUNMAP, func(at, size uint64) []uint64 { return []uint64{at, size} }, []unix.Errno{unix.EPERM}},
		{"mremap", unix.SYS_MREMAP, func(at, size uint64) []uint64 { return []uint64{at, size, 2 * size, unix.MREMAP_MAYMOVE} }, []unix.Errno{unix.EPERM}},
		{"mprotect", unix.SYS_MPROTECT, func(at, size uint64) []uint64 { return []uint64{at, size, unix.PROT_NONE} }, []unix.Errno{unix.EPERM}},
		{"mprotect-write", unix.SYS_MPROTECT, func(at, size uint64) []uint64 { return []uint64{at, size, prot} }, []unix.Errno{unix.EPERM, unix.EACCES}},
		{"map-fixed", unix.SYS_MMAP, func(at, size uint64) []uint64 {
			return []uint64{at, size, prot, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED, ^uint64(0), 0}
		}, []unix.Errno{unix.EPERM}},
	} {
		add(Check{ID: "pin.keeps-" + e.name, Level: Must, Source: srcPin + ": cannot unmap, move, reprotect, or map over", Needs: needsPins,
			Doc: e.name + " of a pin by the target is refused, and changes neither its bytes nor its place",
			run: func(t *T) {
				size := os.Getpagesize()
				p := t.withPin(call(unix.SYS_GETPPID), size)
				p.answer(p.n.ID, 1)
				own := p.do(unix.SYS_MMAP, 0, uint64(size), prot, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
				if own < 0 && own > -4096 {
					t.Unclear("the target cannot map memory: %d", own)
				}
				if got := p.do(e.nr, e.args(uint64(own), uint64(size))...); got < 0 && got > -4096 {
					t.Unclear("of memory of its own %s is %d", e.name, got)
				}
				got := p.do(e.nr, e.args(p.at, uint64(size))...)
				refused := false
				for _, want := range e.refused {
					refused = refused || got == -int64(want)
				}
				if !refused {
					t.Errorf("%s returned %d, want -%s", e.name, got, errName(e.refused[0]))
				}
				p.pin.Write([]byte("approved"))
				if got := string(p.peek(p.at, 8)); got != "approved" {
					t.Errorf("the target's memory there holds %q, the pin %q", got, "approved")
				}
			}})
	}
	return struct{}{}
}

var _ = add(
	Check{ID: "pin.error-null", Level: Must, Source: srcPin, Needs: needsPins,
		Doc: "a struct that cannot be read is EFAULT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, redirectFlag)
			t.errno("PIN_INSTALL of nothing", c.raw(abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL, nil), unix.EFAULT)
		}},
	Check{ID: "pin.error-no-flag", Level: Ours, Source: srcPin + ": ours is EPERM", Needs: needsPins,
		Doc: "through a listener without FLAG_REDIRECT PIN_INSTALL is EPERM, whatever else is wrong",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			t.errno("PIN_INSTALL", c.InstallPin(&abi.NotifPinInstall{ID: 1, Flags: 1}), unix.EPERM)
		}},
	Check{ID: "pin.error-not-received", Level: Must, Source: srcPin, Needs: needsPins,
		Doc: "PIN_INSTALL before RECV is EINPROGRESS, and after the answer ENOENT",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			p.answer(p.n.ID, 1)
			i := p.request(p.pin)
			t.errno("after the answer", p.InstallPin(&i), unix.ENOENT)
			p.tell(call(unix.SYS_GETPPID))
			p.polled()
			i.ID++
			t.errno("before RECV", p.InstallPin(&i), unix.EINPROGRESS)
			p.answer(p.next().ID, 2)
		}},
	Check{ID: "pin.flag-alone", Level: Must, Source: srcPin + ": requires NEW_LISTENER", Needs: needsPins,
		Doc: "FLAG_REDIRECT without NEW_LISTENER is EINVAL, and a second filter with it EBUSY",
		run: func(t *T) {
			c := t.start()
			f := filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: redirectFlag}
			_, e := c.tryFilter(f)
			t.errno("FLAG_REDIRECT alone", e, unix.EINVAL)
			f.Flags |= notifyFlag
			c.filter(f)
			_, e = c.tryFilter(f)
			t.errno("a second time", e, unix.EBUSY)
		}},
	Check{ID: "pin.at-address", Level: Must, Source: srcPin, Needs: needsPins,
		Doc: "a pin goes where it was asked for, of any size and from an offset, and shows what the supervisor writes",
		run: func(t *T) {
			page := os.Getpagesize()
			p := t.withPin(call(unix.SYS_GETPPID), 4*page)
			p.pin.Write([]byte("first"))
			if got := string(p.peek(p.at, 5)); got != "first" {
				t.Errorf("the pin shows %q", got)
			}
			i := p.request(p.pin)
			i.TargetAddr, i.Size, i.Offset = p.hole, uint64(page), uint64(page)
			want := i.TargetAddr
			t.must(p.InstallPin(&i), "PIN_INSTALL at an address")
			if i.TargetAddr != want {
				t.Errorf("the pin is at %#x, asked was %#x", i.TargetAddr, want)
			}
			p.pin.Write(append(make([]byte, page), "second"...))
			if got := string(p.peek(want, 6)); got != "second" {
				t.Errorf("the pin at an offset shows %q", got)
			}
			p.answer(p.n.ID, 1)
		}},
	Check{ID: "pin.writes-fault", Level: Must, Source: srcPin + ": read-only", Needs: needsPins,
		Doc: "a syscall that would write to a pin is EFAULT, and process_vm_writev by the supervisor too",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			p.answer(p.n.ID, 1)
			if got := p.do(unix.SYS_GETRUSAGE, 0, p.at); got != -int64(unix.EFAULT) {
				t.Errorf("getrusage into the pin returned %d, want -EFAULT", got)
			}
			_, e := p.memory().Write(p.at, []byte("x"))
			t.errno("process_vm_writev", e, unix.EFAULT)
			f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", p.PID()), os.O_RDWR, 0)
			t.ok(err, "open the target's memory")
			if _, err := f.WriteAt([]byte("x"), int64(p.at)); err == nil {
				t.Errorf("a write to /proc/PID/mem succeeded")
			}
			if got := p.peek(p.at, 1)[0]; got != 0 {
				t.Errorf("the pin holds %q now", got)
			}
		}},
	Check{ID: "pin.memfd-stays", Level: Must, Source: srcPin, Needs: needsPins,
		Doc: "the memfd reopened through /proc cannot be written, cut, or punched",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", p.pin.FD), os.O_RDWR, 0)
			t.ok(err, "reopen the memfd")
			fd := int(f.Fd())
			for what, err := range map[string]error{
				"pwrite":    second(unix.Pwrite(fd, []byte("x"), 0)),
				"ftruncate": unix.Ftruncate(fd, 1),
				"fallocate": unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 1),
			} {
				if !errors.Is(err, unix.EPERM) {
					t.Errorf("%s: %v, want EPERM", what, err)
				}
			}
			p.answer(p.n.ID, 1)
		}},
	Check{ID: "pin.fork-keeps", Level: Must, Source: srcPin + ": a forked child has it as well", Needs: needsPins,
		Doc: "fork keeps a pin: the child's call can read what the pin holds",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			p := t.withPin(call(unix.SYS_GETPPID), 1, f)
			p.answer(p.n.ID, 1)
			p.pin.Write([]byte("kept"))
			o := forking()
			o.Then = [7]uint64{unix.SYS_WRITE, firstFile, p.at, 4}
			p.tell(o)
			if r := p.report(); resultOf(r) <= 0 {
				t.Fatalf("fork returned %d", resultOf(r))
			}
			if got := t.content(path); got != "kept" {
				t.Errorf("the child found %q in the pin, want %q", got, "kept")
			}
			o.Then = [7]uint64{unix.SYS_MUNMAP, p.at, uint64(p.pin.Size())}
			p.tell(o)
			p.report()
			if got := string(p.peek(p.at, 4)); got != "kept" {
				t.Errorf("after a child's munmap the parent's pin shows %q", got)
			}
		}},
	Check{ID: "pin.many", Level: Must, Source: srcPin, Needs: needsPins,
		Doc: "a target can have 100 pins",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			seen := map[uint64]bool{p.at: true}
			for range 99 {
				at := p.install(p.pin)
				if seen[at] {
					t.Fatalf("two pins are at %#x", at)
				}
				seen[at] = true
			}
			p.answer(p.n.ID, 1)
		}},
)
