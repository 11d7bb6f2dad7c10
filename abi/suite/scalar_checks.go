package suite

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// What the callee sees: the values that were put in, all of their bits, each in
// its place. Calls that fail whatever they are given would not tell.

var _ = add(
	Check{ID: "redirect.scalar-wide", Level: Must, Source: srcRedirect + ": scalars are written as they are", Needs: needsRedirect,
		Doc: "a scalar of more than 32 bits reaches the call whole, as an lseek tells",
		run: func(t *T) {
			f, err := os.OpenFile(t.file("f", ""), os.O_RDWR, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_LSEEK, redirectFlag, f)
			for _, at := range []uint64{1 << 40, 1<<40 | 7, 1<<32 - 1, 1 << 31, 0x0123_4567_89ab_cdef} {
				o := call(unix.SYS_LSEEK, 999, 1, 2, callerArg(3), callerArg(4), callerArg(5))
				r := abi.NotifRespRedirect{ArgsMask: 63, Args: [6]uint64{firstFile, at, 0, otherArg(3), otherArg(4), otherArg(5)}}
				rep := c.redirected(o, r)
				t.preserved("lseek", &rep.Call, substitutes{63 &^ 7, r.Args})
				want, err := f.Seek(int64(at), 0) // the same file: the oracle
				if err != nil {
					want = -int64(unix.EINVAL)
				}
				if got := resultOf(rep); got != want {
					t.Errorf("lseek to %#x returned %#x, want %#x", at, got, want)
				}
			}
		}},
	Check{ID: "redirect.six-scalars", Level: Must, Source: srcRedirect + ": scalars are written as they are", Needs: needsRedirect,
		Doc: "an mmap all of whose arguments are replaced maps the second page of the file, readable, where it was told to",
		run: func(t *T) {
			page := os.Getpagesize()
			f, err := os.Open(t.file("f", string(filled(page, '1'))+string(filled(page, '2'))))
			t.ok(err, "open a file")
			c := t.start(f)
			room := uint64(c.do(unix.SYS_MMAP, 0, 64*uint64(page), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0))
			// The target makes such calls for itself, too.
			o := order{Op: opCall, Nr: unix.SYS_MMAP, Args: six(callerArg)}
			o.Args[2] &^= unix.PROT_READ
			c.tell(o)
			if got := c.result(); got >= 0 || got < -4095 {
				t.Unclear("with the caller's arguments mmap returns %#x", got)
			}
			c.filter(filterSpec{Nr: o.Nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag, OfArg: true, Value: uint32(callerArg(0))})
			at := room + 8*uint64(page)
			r := abi.NotifRespRedirect{ArgsMask: 63, Args: [6]uint64{at, uint64(page), unix.PROT_READ, unix.MAP_SHARED | unix.MAP_FIXED, firstFile, uint64(page)}}
			rep := c.redirected(o, r)
			t.preserved("mmap", &rep.Call, substitutes{1, r.Args})
			if got := uint64(resultOf(rep)); got != at {
				t.Fatalf("mmap returned %#x, want %#x", got, at)
			}
			got := make([]byte, page)
			if n, e := c.memory().Read(at, got); n != page || !bytes.Equal(got, filled(page, '2')) {
				t.Errorf("what was mapped begins with %q (%s), want %q", got[:8], errName(e), "22222222")
			}
			_, e := c.memory().Read(at+uint64(page), make([]byte, 1))
			t.errno("reading behind it", e, unix.EFAULT)
		}},
	Check{ID: "redirect.pointer-two", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "a symlinkat whose two paths, argument 0 among them, lead to one pin makes the approved link",
		run: func(t *T) {
			link := t.dir + "/link"
			o := call(unix.SYS_SYMLINKAT, 0, atFDCWD, 0, callerArg(3), callerArg(4), callerArg(5))
			o.Data[0], o.Data[2] = cstring("elsewhere"), cstring(t.dir+"/other")
			p := t.withPin(o, 1)
			text := cstring("approved")
			p.pin.Write(append(text, cstring(link)...))
			r := p.toPin(0, len(text))
			r.ArgsMask, r.PtrMask = 1<<0|1<<2, 1<<0|1<<2
			r.Args[2], r.PtrLen[2] = p.at+uint64(len(text)), uint64(len(link)+1)
			t.must(p.SendRedirect(&r), "SEND_REDIRECT")
			rep := p.report()
			t.preserved("symlinkat", &rep.Call, substitutes{r.ArgsMask, r.Args})
			if got := resultOf(rep); got != 0 {
				t.Errorf("symlinkat returned %d", got)
			}
			if got, err := os.Readlink(link); err != nil || got != "approved" {
				t.Errorf("the link leads to %q (%v), want %q", got, err, "approved")
			}
			if _, err := os.Lstat(t.dir + "/other"); err == nil {
				t.Errorf("the caller's link was made")
			}
		}},
	Check{ID: "redirect.pointer-each-checked", Level: Must, Source: srcRedirect + ": for each bit of ptr_mask", Needs: needsPins,
		Doc: "of two pointers each has to lead to a pin: one that does not is EFAULT, whichever it is",
		run: func(t *T) {
			o := call(unix.SYS_SYMLINKAT, 0, atFDCWD, 0)
			o.Data[0], o.Data[2] = cstring("elsewhere"), cstring(t.dir+"/other")
			p := t.withPin(o, 1)
			for _, bad := range []int{0, 2} {
				r := p.toPin(0, 8)
				r.ArgsMask, r.PtrMask = 1<<0|1<<2, 1<<0|1<<2
				r.Args[2], r.PtrLen[2] = p.at, 8
				r.Args[bad] = p.slot(bad)
				t.errno("a pointer into other memory", p.SendRedirect(&r), unix.EFAULT)
				p.pends(p.n.ID, "EFAULT")
			}
			p.answer(p.n.ID, 1)
		}},
	Check{ID: "redirect.pin-across-pages", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "a write led to a range across the pages of a pin, of any length up to its end, writes what is there",
		run: func(t *T) {
			page := os.Getpagesize()
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			o := call(unix.SYS_WRITE, firstFile, 0, 3)
			o.Data[1] = []byte("not")
			p := t.withPin(o, 3*page, f)
			all := make([]byte, 3*page)
			for i := range all {
				all[i] = byte(i % 251)
			}
			p.pin.Write(all)
			var want []byte
			for i, cut := range [][2]int{{page - 1, 2}, {0, 3 * page}, {page, 2 * page}, {1, 3*page - 1}, {3*page - 1, 1}} {
				if i > 0 {
					p.n = p.trap(o)
				}
				r := p.toPin(1, cut[1])
				r.Args[1] += uint64(cut[0])
				r.ArgsMask, r.Args[2] = r.ArgsMask|1<<2, uint64(cut[1])
				t.must(p.SendRedirect(&r), "SEND_REDIRECT")
				if got := p.result(); got != int64(cut[1]) {
					t.Errorf("write returned %d, want %d", got, cut[1])
				}
				want = append(want, all[cut[0]:cut[0]+cut[1]]...)
			}
			if got := []byte(t.content(path)); !bytes.Equal(got, want) {
				t.Errorf("the file holds %d bytes that are not those of the pin", len(got))
			}
		}},
)
