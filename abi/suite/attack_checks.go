package suite

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// What a target may try against a pin, beside the calls of pin.keeps-munmap and
// its like, by itself and with help.

const srcKeeps = srcPin + ": the target and every task that shares its memory cannot unmap, move, reprotect, or map over the pin"

// shows wants the pin to hold the text, where the target sees it.
func (p *pinned) shows(after, text string) {
	b := make([]byte, len(text))
	if n, e := p.memory().Read(p.at, b); n != len(text) || string(b) != text {
		p.t.Errorf("%s: at the pin's place the target has %q (%s), the pin holds %q", after, b[:n], errName(e), text)
	}
}

// advices are what madvise(2) knows; those that a kernel does not it refuses.
// 100 and 101 break the machine's memory.
var advices = []uint64{0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 102, 103}

// attacks are calls on a range that would change what is there.
func attacks(at, size uint64) map[string][7]uint64 {
	return map[string][7]uint64{
		"munmap":   {unix.SYS_MUNMAP, at, size},
		"mremap":   {unix.SYS_MREMAP, at, size, 2 * size, unix.MREMAP_MAYMOVE},
		"mprotect": {unix.SYS_MPROTECT, at, size, unix.PROT_NONE},
		"mmap":     {unix.SYS_MMAP, at, size, unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED, ^uint64(0), 0},
	}
}

// attackedBy has children of the target attack its pin; on memory of the
// target's own the same works.
func attackedBy(flags uint64) func(*T) {
	return func(t *T) {
		size := os.Getpagesize()
		p := t.withPin(call(unix.SYS_GETPPID), size)
		p.answer(p.n.ID, 1)
		p.pin.Write([]byte("approved"))
		i := 0
		for name := range attacks(0, 0) {
			own := uint64(p.do(unix.SYS_MMAP, 0, uint64(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0))
			for _, at := range []uint64{own, p.at} {
				then := attacks(at, uint64(size))[name]
				p.tell(p.beside(i, flags, int(then[0]), then[1:]...))
				if got := p.result(); got <= 0 {
					t.Unclear("make a child: %d", got)
				}
				got := p.finishes(i)
				i++
				if at == own && got < 0 && got > -4096 {
					t.Unclear("of other memory %s is %d", name, got)
				} else if at == p.at && got != -int64(unix.EPERM) {
					t.Errorf("%s of the pin returned %d, want -EPERM", name, got)
				}
			}
			p.shows(name, "approved")
		}
	}
}

var _ = add(
	Check{ID: "pin.keeps-thread", Level: Must, Source: srcKeeps, Needs: needsPins,
		Doc: "another thread of the target is refused munmap, mremap, mprotect and mmap of a pin, which stays as it is",
		run: attackedBy(asThread)},
	Check{ID: "pin.keeps-vm-child", Level: Must, Source: srcKeeps, Needs: needsPins,
		Doc: "a process that shares the target's memory is refused munmap, mremap, mprotect and mmap of a pin, which stays as it is",
		run: attackedBy(unix.CLONE_VM | uint64(unix.SIGCHLD))},
	Check{ID: "pin.keeps-madvise", Level: Must, Source: srcKeeps + "; mm/madvise.c", Needs: needsPins,
		Doc: "no advice of madvise takes a pin's bytes away from the target",
		run: func(t *T) {
			size := os.Getpagesize()
			p := t.withPin(call(unix.SYS_GETPPID), size)
			p.answer(p.n.ID, 1)
			p.pin.Write([]byte("approved"))
			own := p.do(unix.SYS_MMAP, 0, uint64(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
			if got := p.do(unix.SYS_MADVISE, uint64(own), uint64(size), unix.MADV_DONTNEED); got != 0 {
				t.Unclear("of other memory madvise is %d", got)
			}
			for _, advice := range advices {
				got := p.do(unix.SYS_MADVISE, p.at, uint64(size), advice)
				p.shows(fmt.Sprintf("after advice %d, which returned %d", advice, got), "approved")
			}
		}},
	Check{ID: "pin.keeps-process-madvise", Level: Must, Source: srcKeeps + "; process_madvise(2)", Needs: needsPins,
		Doc: "no advice of process_madvise takes a pin's bytes away from the target",
		run: func(t *T) {
			size := os.Getpagesize()
			p := t.withPin(call(unix.SYS_GETPPID), size)
			p.answer(p.n.ID, 1)
			p.pin.Write([]byte("approved"))
			fd := p.do(unix.SYS_PIDFD_OPEN, uint64(p.PID()), 0)
			if fd < 0 {
				t.Unclear("the target's pidfd_open is %d", fd)
			}
			advise := func(at, advice uint64) int64 {
				o := call(unix.SYS_PROCESS_MADVISE, uint64(fd), 0, 1, advice, 0)
				o.Data[1] = binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, at), uint64(size))
				p.tell(o)
				return p.result()
			}
			if got := advise(p.page(), unix.MADV_COLD); got != int64(size) {
				t.Unclear("of other memory process_madvise is %d", got)
			}
			for _, advice := range advices {
				p.shows(fmt.Sprintf("after advice %d, which returned %d", advice, advise(p.at, advice)), "approved")
			}
		}},
	Check{ID: "pin.keeps-remap", Level: Must, Source: srcKeeps + "; remap_file_pages(2)", Needs: needsPins,
		Doc: "remap_file_pages of a pin, which would show another page of its memfd, is refused",
		run: func(t *T) {
			page := uint64(os.Getpagesize())
			p := t.withPin(call(unix.SYS_GETPPID), 2*int(page))
			p.answer(p.n.ID, 1)
			p.pin.Write(append([]byte("approved"), filled(int(page), 'x')...))
			own := uint64(p.do(unix.SYS_MMAP, 0, 2*page, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_ANONYMOUS, ^uint64(0), 0))
			if got := p.do(unix.SYS_REMAP_FILE_PAGES, own, page, 0, 1, 0); got != 0 {
				t.Unclear("of other shared memory remap_file_pages is %d", got)
			}
			if got := p.do(unix.SYS_REMAP_FILE_PAGES, p.at, page, 0, 1, 0); got != -int64(unix.EPERM) {
				t.Errorf("remap_file_pages of the pin returned %d, want -EPERM", got)
			}
			p.shows("remap_file_pages", "approved")
		}},
	Check{ID: "pin.keeps-mseal", Level: Must, Source: srcKeeps + "; mseal(2)", Needs: needsPins,
		Doc: "mseal of a pin by the target changes nothing: munmap is EPERM as before",
		run: func(t *T) {
			size := uint64(os.Getpagesize())
			p := t.withPin(call(unix.SYS_GETPPID), int(size))
			p.answer(p.n.ID, 1)
			p.pin.Write([]byte("approved"))
			if p.do(notify.Native.Syscalls["mseal"], p.at, size, 0) == -int64(unix.ENOSYS) {
				t.Absent("mseal(2)")
			}
			if got := p.do(unix.SYS_MUNMAP, p.at, size); got != -int64(unix.EPERM) {
				t.Errorf("munmap of the pin returned %d, want -EPERM", got)
			}
			p.shows("mseal and munmap", "approved")
		}},
	Check{ID: "pin.keeps-poke", Level: Must, Source: srcPin + ": read-only; ptrace(2), POKEDATA forces a write to private memory", Needs: needsPins,
		Doc: "a tracer's POKEDATA to a pin is EIO, and to other memory of the target works",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			p.answer(p.n.ID, 1)
			p.pin.Write([]byte("approved"))
			tr := p.traced()
			t.must(tr.Interrupt(p.TID), "PTRACE_INTERRUPT")
			p.stops(tr, notify.StopGroup, false)
			poke := func(at uint64) unix.Errno {
				_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_POKEDATA, uintptr(p.TID), uintptr(at), 0x6464646464646464, 0, 0)
				return e
			}
			if e := poke(p.page()); e != 0 {
				t.Unclear("POKEDATA of other memory: %s", errName(e))
			}
			t.errno("POKEDATA of the pin", poke(p.at), unix.EIO)
			p.shows("POKEDATA", "approved")
			t.must(tr.Detach(p.TID), "PTRACE_DETACH")
		}},
	Check{ID: "pin.thousand", Level: Must, Source: srcPin + "; conformance.md, F", Needs: needsPins,
		Doc: "a target can have 1,000 pins, and a redirect can lead to the last of them",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			p := t.withPin(o, len(path))
			p.pin.Write(path)
			seen := map[uint64]bool{p.at: true}
			for range 999 {
				if p.at = p.install(p.pin); seen[p.at] {
					t.Fatalf("two pins are at %#x", p.at)
				}
				seen[p.at] = true
			}
			r := p.toPin(1, len(path))
			t.must(p.SendRedirect(&r), "SEND_REDIRECT")
			p.opened(p.result(), content)
		}},
	Check{ID: "pin.large", Level: Must, Source: srcPin + "; conformance.md, F", Needs: needsPins,
		Doc: "a pin of 64 MiB shows its last bytes, and a redirect can lead there",
		run: func(t *T) {
			const size = 64 << 20
			page := os.Getpagesize()
			fd, err := unix.MemfdCreate("large", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			t.ok(err, "make a memfd")
			t.ok(unix.Ftruncate(fd, size), "size it")
			last, err := unix.Mmap(fd, size-int64(page), page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			t.ok(err, "map its last page")
			_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, notify.PinSeals)
			t.ok(err, "seal it")
			o, path, content := t.wrongOpen()
			p := t.withPin(o, 1)
			i := abi.NotifPinInstall{ID: p.n.ID, MemFD: uint32(fd), Size: size}
			t.must(p.InstallPin(&i), "PIN_INSTALL")
			copy(last[page-len(path):], path)
			runtime.KeepAlive(last)
			r := p.toPin(1, len(path))
			r.MemFD, r.Args[1] = uint32(fd), i.TargetAddr+size-uint64(len(path))
			t.must(p.SendRedirect(&r), "SEND_REDIRECT")
			p.opened(p.result(), content)
		}},
	Check{ID: "pin.outlives-descriptor", Level: Must, Source: srcPin + ": it lasts until the address space goes", Needs: needsPins,
		Doc: "a pin stays when the supervisor has closed and unmapped its side, and when the listener is closed",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			p.pin.Write([]byte("approved"))
			p.answer(p.n.ID, 1)
			p.pin.Close()
			p.shows("after close", "approved")
			t.ok(unix.Close(p.FD), "close the listener")
			if got := p.do(unix.SYS_MUNMAP, p.at, uint64(os.Getpagesize())); got != -int64(unix.EPERM) {
				t.Errorf("munmap of the pin returned %d, want -EPERM", got)
			}
			p.shows("after munmap", "approved")
		}},
	Check{ID: "pin.fork-redirect", Level: Must, Source: srcPin + ": a forked child has it as well", Needs: needsPins,
		Doc: "the call of a forked child can be redirected to the pin that it has from its parent",
		run: func(t *T) {
			path := t.dir + "/approved"
			o := call(unix.SYS_OPENAT, atFDCWD, 0, unix.O_RDONLY)
			o.Data[1] = cstring(t.dir + "/other")
			p := t.withPin(o, len(path)+1)
			p.answer(p.n.ID, 1)
			p.pin.Write(cstring(path))
			fork := forking()
			fork.Then = [7]uint64{unix.SYS_OPENAT, atFDCWD, p.slot(1), unix.O_CREAT | unix.O_WRONLY, 0o600}
			p.tell(fork)
			p.n = p.next()
			r := p.toPin(1, len(path)+1)
			t.must(p.SendRedirect(&r), "SEND_REDIRECT")
			if got := p.result(); got <= 0 || int64(p.n.PID) != got {
				t.Errorf("fork returned %d, the call was of %d", got, p.n.PID)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("the approved file was not made: %v", err)
			}
			if _, err := os.Stat(t.dir + "/other"); err == nil {
				t.Errorf("the caller's file was made")
			}
		}},
	Check{ID: "pin.no-room", Level: Ours, Source: srcPin + ", errors: what the address space says", Needs: needsPins,
		Doc: "an address or a size beyond the address space, and a pin beyond the target's RLIMIT_AS, is ENOMEM; the notification stays",
		run: func(t *T) {
			p := t.withPin(call(unix.SYS_GETPPID), 1)
			for what, change := range map[string]func(*abi.NotifPinInstall){
				"an address beyond": func(i *abi.NotifPinInstall) { i.TargetAddr = 1 << 62 },
				"a size beyond":     func(i *abi.NotifPinInstall) { i.Size = 1 << 62 },
			} {
				i := p.request(p.pin)
				change(&i)
				t.errno(what, p.InstallPin(&i), unix.ENOMEM)
				p.pends(p.n.ID, what)
			}
			p.limit(unix.RLIMIT_AS, 4096)
			i := p.request(p.pin)
			t.errno("beyond RLIMIT_AS", p.InstallPin(&i), unix.ENOMEM)
			p.pends(p.n.ID, "ENOMEM")
			p.limit(unix.RLIMIT_AS, unix.RLIM_INFINITY)
			p.install(p.pin)
			p.answer(p.n.ID, 1)
		}},
)
