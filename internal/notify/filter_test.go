package notify

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

func TestFilterFor(t *testing.T) {
	const nr = 42
	action := uint32(abi.SECCOMP_RET_ERRNO | 7)
	p, err := FilterFor(nr, action)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		nr, arch uint32
		want     uint32
	}{
		{"the call", nr, Native.AuditArch, action},
		{"one below", nr - 1, Native.AuditArch, abi.SECCOMP_RET_ALLOW},
		{"one above", nr + 1, Native.AuditArch, abi.SECCOMP_RET_ALLOW},
		{"another table", nr, Native.AuditArch ^ 1, abi.SECCOMP_RET_KILL_PROCESS},
	} {
		if got := verdict(t, p, tt.nr, tt.arch, [6]uint64{}); got != tt.want {
			t.Errorf("%s: verdict %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

func TestFilterForCompat(t *testing.T) {
	const nr = 42
	action := uint32(abi.SECCOMP_RET_ERRNO | 7)
	c := &abi.Compat{Name: "small", AuditArch: abi.AUDIT_ARCH_I386}
	p, err := FilterForCompat(c, nr, action)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		nr, arch uint32
		want     uint32
	}{
		{"the call", nr, c.AuditArch, action},
		{"another call", nr + 1, c.AuditArch, abi.SECCOMP_RET_ALLOW},
		{"the 64-bit table", nr, Native.AuditArch, abi.SECCOMP_RET_ALLOW},
	} {
		if got := verdict(t, p, tt.nr, tt.arch, [6]uint64{}); got != tt.want {
			t.Errorf("%s: verdict %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

func TestFilterForArg(t *testing.T) {
	const (
		nr    = 42
		value = 0x8000_0007 // has a sign, where somebody looks for one
	)
	action := uint32(abi.SECCOMP_RET_ERRNO | 7)
	for arg := range 6 {
		p, err := FilterForArg(nr, arg, value, action)
		if err != nil {
			t.Fatal(err)
		}
		only := func(v uint64) (args [6]uint64) {
			args[arg] = v
			return args
		}
		var others [6]uint64
		for i := range others {
			if i != arg {
				others[i] = value | value<<32
			}
		}
		for _, tt := range []struct {
			name     string
			nr, arch uint32
			args     [6]uint64
			want     uint32
		}{
			{"the call", nr, Native.AuditArch, only(value), action},
			{"with something in the high half", nr, Native.AuditArch, only(0x1234<<32 | value), action},
			{"the value in the high half", nr, Native.AuditArch, only(value << 32), abi.SECCOMP_RET_ALLOW},
			{"one below", nr, Native.AuditArch, only(value - 1), abi.SECCOMP_RET_ALLOW},
			{"one above", nr, Native.AuditArch, only(value + 1), abi.SECCOMP_RET_ALLOW},
			{"the value in the other arguments", nr, Native.AuditArch, others, abi.SECCOMP_RET_ALLOW},
			{"another call", nr + 1, Native.AuditArch, only(value), abi.SECCOMP_RET_ALLOW},
			{"another table", nr, Native.AuditArch ^ 1, only(value), abi.SECCOMP_RET_KILL_PROCESS},
		} {
			if got := verdict(t, p, tt.nr, tt.arch, tt.args); got != tt.want {
				t.Errorf("argument %d, %s: verdict %#x, want %#x", arg, tt.name, got, tt.want)
			}
		}
	}
}

func TestFilterForMagic(t *testing.T) {
	const arg, value = 5, 0x756e_6f74
	action := uint32(abi.SECCOMP_RET_USER_NOTIF)
	p, err := FilterForMagic(arg, value, action)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		nr, arch uint32
		arg      uint64
		want     uint32
	}{
		{"a call", unix.SYS_OPENAT, Native.AuditArch, value, action},
		{"another one", unix.SYS_GETPPID, Native.AuditArch, value, action},
		{"another value", unix.SYS_OPENAT, Native.AuditArch, value + 1, abi.SECCOMP_RET_ALLOW},
		{"a signal handler's end", unix.SYS_RT_SIGRETURN, Native.AuditArch, value, abi.SECCOMP_RET_ALLOW},
		{"an end", unix.SYS_EXIT_GROUP, Native.AuditArch, value, abi.SECCOMP_RET_ALLOW},
		{"another table", unix.SYS_OPENAT, Native.AuditArch ^ 1, value, abi.SECCOMP_RET_KILL_PROCESS},
	} {
		if got := verdict(t, p, tt.nr, tt.arch, [6]uint64{arg: tt.arg}); got != tt.want {
			t.Errorf("%s: verdict %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

// verdict runs a filter on a call. seccomp loads words in native order, the VM
// as a network has it: each word is turned round for it.
func verdict(t *testing.T, p Program, nr, arch uint32, args [6]uint64) uint32 {
	t.Helper()
	ins, ok := bpf.Disassemble(p)
	if !ok {
		t.Fatalf("the program does not disassemble: %v", ins)
	}
	vm, err := bpf.NewVM(ins)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, abi.SizeofData)
	binary.NativeEndian.PutUint32(data[dataNr:], nr)
	binary.NativeEndian.PutUint32(data[dataArch:], arch)
	for i, a := range args {
		binary.NativeEndian.PutUint64(data[int(dataArgs)+8*i:], a)
	}
	for w := data; len(w) > 0; w = w[4:] {
		binary.BigEndian.PutUint32(w, binary.NativeEndian.Uint32(w))
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

// roleInstaller installs filters one after the other and says what came.
var roleInstaller = role("installer", func(conn *Conn) error {
	var flags []uint
	if _, err := conn.Recv(&flags); err != nil {
		return err
	}
	if err := LockThread(); err != nil {
		return err
	}
	p, err := FilterFor(unix.SYS_GETPPID, abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return err
	}
	for _, f := range flags {
		var got installed
		fd, err := p.Install(f)
		var e unix.Errno
		if err != nil && !errors.As(err, &e) {
			return err
		}
		got.Errno = e
		got.Listener = fd >= 0
		if fd >= 0 {
			fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil {
				return err
			}
			got.CloseOnExec = fl&unix.FD_CLOEXEC != 0
		}
		if err := conn.Send(got, -1); err != nil {
			return err
		}
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return err
	}
	return conn.Send(string(status), -1)
})

type installed struct {
	Errno                 unix.Errno
	Listener, CloseOnExec bool
}

func TestInstall(t *testing.T) {
	const listener = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER
	ok := installed{Listener: true, CloseOnExec: true}
	for _, tt := range []struct {
		name  string
		flags []uint
		want  []installed
	}{
		{"no listener", []uint{0, 0}, []installed{{}, {}}},
		{"listener", []uint{listener}, []installed{ok}},
		{"second listener", []uint{listener, listener}, []installed{ok, {Errno: unix.EBUSY}}},
		{"second filter without one", []uint{listener, 0}, []installed{ok, {}}},
		{"filter before the listener", []uint{0, listener}, []installed{{}, ok}},
		{"killable", []uint{listener | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV}, []installed{ok}},
		{"killable without a listener", []uint{abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV}, []installed{{Errno: unix.EINVAL}}},
		// TSYNC returns a thread id, which a descriptor cannot be told from.
		{"tsync with a listener", []uint{listener | abi.SECCOMP_FILTER_FLAG_TSYNC}, []installed{{Errno: unix.EINVAL}}},
		{"tsync_esrch with a listener", []uint{listener | abi.SECCOMP_FILTER_FLAG_TSYNC | abi.SECCOMP_FILTER_FLAG_TSYNC_ESRCH}, []installed{ok}},
		{"unknown flag", []uint{1 << 30}, []installed{{Errno: unix.EINVAL}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, roleInstaller)
			if err := p.Conn.Send(tt.flags, -1); err != nil {
				t.Fatal(err)
			}
			for i, want := range tt.want {
				var got installed
				if _, err := p.Conn.Recv(&got); err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("installation %d, flags %#x: %+v, want %+v", i, tt.flags[i], got, want)
				}
			}
			var status string
			if _, err := p.Conn.Recv(&status); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(status, "NoNewPrivs:\t1\n") {
				t.Errorf("no_new_privs is not set:\n%s", status)
			}
		})
	}
}

// A filter is for the thread that installed it alone: the others go on.
func TestInstallOneThread(t *testing.T) {
	done := make(chan [2]int64)
	go func() {
		// This thread ends with its filter: it is never unlocked.
		if err := LockThread(); err != nil {
			panic(err)
		}
		p, err := FilterFor(unix.SYS_GETPPID, abi.SECCOMP_RET_ERRNO|uint32(unix.EXDEV))
		if err == nil {
			_, err = p.Install(0)
		}
		if err != nil {
			panic(err)
		}
		mine := rawCall(unix.SYS_GETPPID, [6]uint64{})
		other := make(chan int64)
		go func() { other <- rawCall(unix.SYS_GETPPID, [6]uint64{}) }()
		done <- [2]int64{mine, <-other}
	}()
	want := [2]int64{-int64(unix.EXDEV), int64(os.Getppid())}
	if got := <-done; got != want {
		t.Errorf("getppid returned %v on the filtered and another thread, want %v", got, want)
	}
}
