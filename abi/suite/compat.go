package suite

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// A 32-bit target is a program in machine code, since a Go program has one
// size: it sends what it found (foundSize bytes), receives what to do next
// (taskSize bytes), loads all registers from there, makes the call, and stores
// them. Its code and its memory are one page, at compatAt.
const (
	compatAt   = 0x20000000
	taskAt     = compatAt + 0x200
	taskSize   = 1600
	dataAt     = taskAt + 64 // behind 16 words for registers
	dataSize   = 256         // for each of 6 arguments
	foundWords = 16
	foundSize  = 4 * foundWords
	foundSP    = 9 // on i386: the stack pointer before the call
)

// compatFrame says where a program keeps a register: its word in what it is
// sent and in what it sends. The stack pointer is its own affair.
var compatFrame = map[string][]string{
	"i386": {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"},
	"arm":  {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr"},
}

// compatProgram is an executable file: one segment, its headers included.
func compatProgram(c *abi.Compat) []byte {
	const ehdr, phdr, page = 52, 32, 0x1000 // sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr): elf.h
	var code []byte
	for _, i := range compatPrograms[c.Name] {
		code = append(code, i.code...)
	}
	h := elf.Header32{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(c.AuditArch), // with flags in its upper half: linux/audit.h
		Version: uint32(elf.EV_CURRENT),
		Entry:   compatAt + ehdr + phdr,
		Phoff:   ehdr,
		Ehsize:  ehdr, Phentsize: phdr, Phnum: 1,
	}
	if c.Name == "arm" {
		h.Flags = 5 << 24 // EF_ARM_EABI_VER5
	}
	size := uint32(ehdr + phdr + len(code))
	p := elf.Prog32{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X),
		Vaddr: compatAt, Paddr: compatAt, Filesz: size, Memsz: page, Align: page,
	}
	var b bytes.Buffer
	for _, v := range []any{&h, &p, code} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed-size values
	}
	return b.Bytes()
}

// task32 is one call of a 32-bit target: registers, in the order of its frame,
// and the memory of its arguments.
type task32 struct {
	words [foundWords]uint32
	data  [6][dataSize]byte
}

// found32 is what it found after the call.
type found32 [foundWords]uint32

// compatTarget is a target that has become a 32-bit program.
type compatTarget struct {
	*caller
	abi    *abi.Compat
	socket int // to the program; messages keep their bounds
}

// compat starts a 32-bit target with a filter for one of its calls. Where the
// kernel runs none, the check is about nothing.
func (t *T) compat(syscall string, action uint32, flags uint) *compatTarget {
	c := notify.Native.Compat
	if c == nil {
		t.Without("32-bit tasks on this architecture")
	}
	nr, ok := c.Syscalls[syscall]
	if !ok {
		t.Unclear("%s has no number of %s in the table", c.Name, syscall)
	}
	program := t.file("compat", string(compatProgram(c)))
	t.ok(os.Chmod(program, 0o700), "make a program")
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	t.ok(err, "make a pair of sockets")
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	s := &compatTarget{caller: t.start(theirs), abi: c, socket: pair[0]}
	s.filter(filterSpec{Nr: nr, Action: action, Flags: flags, Compat: true})
	s.tell(s.execing(program))
	fds := []unix.PollFd{{Fd: int32(s.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(s.socket), Events: unix.POLLIN}}
	for {
		if _, err = unix.Poll(fds, -1); err != unix.EINTR {
			break
		}
	}
	t.ok(err, "poll the target")
	if fds[1].Revents&unix.POLLIN == 0 {
		if e := -s.result(); e != int64(unix.ENOEXEC) {
			t.Unclear("execute a %s program: %s", c.Name, errName(unix.Errno(e)))
		}
		t.Without("32-bit tasks")
	}
	s.found()
	return s
}

// compatNotified is compat, where the calls are notified.
func (t *T) compatNotified(syscall string, flags uint) *compatTarget {
	return t.compat(syscall, abi.SECCOMP_RET_USER_NOTIF, flags|abi.SECCOMP_FILTER_FLAG_NEW_LISTENER)
}

// task fills in every register: the number, and values that nothing else has.
func (s *compatTarget) task(syscall string) *task32 {
	task := &task32{}
	for i := range task.words {
		task.words[i] = 0x5e32_00a5 | uint32(i)<<8
	}
	*task.reg(s.abi, s.abi.Nr) = uint32(s.abi.Syscalls[syscall])
	return task
}

// reg is where a register's value lies.
func (t *task32) reg(c *abi.Compat, name string) *uint32 {
	for i, n := range compatFrame[c.Name] {
		if n == name {
			return &t.words[i]
		}
	}
	panic("suite: " + c.Name + " has no register " + name)
}

// arg sets argument i.
func (s *compatTarget) arg(t *task32, i int, v uint32) { *t.reg(s.abi, s.abi.Args[i]) = v }

// text makes argument i the address of a string.
func (s *compatTarget) text(t *task32, i int, v string) {
	if len(v) >= dataSize {
		s.t.Unclear("%q is too long for a 32-bit target", v)
	}
	t.data[i] = [dataSize]byte{}
	copy(t.data[i][:], v)
	s.arg(t, i, dataAt+uint32(i)*dataSize)
}

func (s *compatTarget) begin(t *task32) {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, t) // to memory, of fixed size
	_, err := unix.Write(s.socket, b.Bytes())
	s.t.ok(err, "give the 32-bit target an order")
}

// found waits for what the last call left.
func (s *compatTarget) found() *found32 {
	b := make([]byte, foundSize)
	for {
		n, err := unix.Read(s.socket, b)
		if err == unix.EINTR {
			continue
		}
		s.t.ok(err, "hear from the 32-bit target")
		if n != foundSize {
			s.t.Fatalf("the 32-bit target died: %v", s.Wait())
		}
		break
	}
	f := &found32{}
	_, _ = binary.Decode(b, binary.LittleEndian, f) // of fixed size
	return f
}

func (s *compatTarget) resultOf(f *found32) int32 {
	return int32(*(&task32{words: *f}).reg(s.abi, s.abi.Result))
}

// kept wants every register to be what it was, but for the result.
func (s *compatTarget) kept(what string, t *task32, f *found32) {
	var wrong []string
	for i, name := range compatFrame[s.abi.Name] {
		was, is := t.words[i], f[i]
		switch name {
		case s.abi.Result:
			continue
		case s.abi.SP:
			was = f[foundSP]
		}
		if was != is {
			wrong = append(wrong, fmt.Sprintf("%s was %#x, is %#x", name, was, is))
		}
	}
	if wrong != nil {
		s.t.Errorf("%s: the 32-bit caller's registers changed\n%s\nbefore: %08x\nafter: %08x", what, strings.Join(wrong, "\n"), t.words, *f)
	}
}
