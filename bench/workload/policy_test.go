package workload

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAllowsPath(t *testing.T) {
	r, err := Policy{Paths: []string{"/usr/", "/tmp/a/../b", "/"}[:2]}.compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		want bool
	}{
		{"/usr", true},
		{"/usr/lib/x", true},
		{"/usrlocal", false},
		{"/", false},
		{"/etc/passwd", false},
		{"/usr/../etc/passwd", false},
		{"/usr/./lib", true},
		{"//usr//lib/", true},
		{"/tmp/b/c", true},
		{"/tmp/a/c", false},
		{"/etc/../usr/x", true},
	} {
		if got := r.allowsPath(clean([]byte(tt.path))); got != tt.want {
			t.Errorf("%s is allowed: %v, want %v", tt.path, got, tt.want)
		}
	}
	all, err := Policy{Paths: []string{"/"}}.compile()
	if err != nil || !all.allowsPath([]byte("/etc")) {
		t.Errorf("the root allows nothing (%v)", err)
	}
}

func sockaddr(family uint16, rest ...byte) []byte {
	return append(binary.NativeEndian.AppendUint16(nil, family), rest...)
}

func inet(port uint16, ip ...byte) []byte {
	return append(append(sockaddr(unix.AF_INET, byte(port>>8), byte(port)), ip...), make([]byte, 8)...)
}

func inet6(ip [16]byte) []byte {
	return append(append(sockaddr(unix.AF_INET6, 0, 80, 0, 0, 0, 0), ip[:]...), 0, 0, 0, 0)
}

func TestAllowsAddr(t *testing.T) {
	r, err := Policy{Addrs: []string{"127.0.0.0/8", "::1", "unix:/run/x/", "unix:@app", "netlink"}}.compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		raw  []byte
		text string
		want bool
	}{
		{"loopback", inet(80, 127, 0, 0, 1), "127.0.0.1 port 80", true},
		{"a port that the kernel chose", inet(40000, 127, 9, 9, 9), "127.9.9.9 port *", true},
		{"elsewhere", inet(80, 10, 0, 0, 1), "10.0.0.1 port 80", false},
		{"too short", inet(80, 127, 0, 0, 1)[:8], "family 2", false},
		{"loopback of 6", inet6([16]byte{15: 1}), "::1 port 80", true},
		{"another of 6", inet6([16]byte{15: 2}), "::2 port 80", false},
		{"a path", sockaddr(unix.AF_UNIX, []byte("/run/x/s\x00junk")...), "unix:/run/x/s", true},
		{"a path that begins alike", sockaddr(unix.AF_UNIX, []byte("/run/xx")...), "unix:/run/xx", false},
		{"a path with dots", sockaddr(unix.AF_UNIX, []byte("/run/x/../y")...), "unix:/run/x/../y", false},
		{"an abstract name", sockaddr(unix.AF_UNIX, []byte("\x00application")...), "unix:@application", true},
		{"another abstract name", sockaddr(unix.AF_UNIX, []byte("\x00other")...), "unix:@other", false},
		{"a path like the abstract name", sockaddr(unix.AF_UNIX, []byte("app")...), "unix:app", false},
		{"no name", sockaddr(unix.AF_UNIX), "unix:", false},
		{"netlink", sockaddr(unix.AF_NETLINK, 0, 0), "family 16", true},
		{"a packet socket", sockaddr(unix.AF_PACKET, 0, 0), "family 17", false},
		{"dissolve", sockaddr(unix.AF_UNSPEC), "family 0", true},
		{"nothing", nil, "family 0", true},
	} {
		a := readAddr(tt.raw)
		if got := string(a.append(nil)); got != tt.text {
			t.Errorf("%s is spelled %q, want %q", tt.name, got, tt.text)
		}
		if got := r.allowsAddr(a); got != tt.want {
			t.Errorf("%s is allowed: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPolicyCheck(t *testing.T) {
	for _, tt := range []struct {
		p    Policy
		want string
	}{
		{Policy{}, ""},
		{Policy{Paths: []string{"usr"}}, "not absolute"},
		{Policy{Addrs: []string{"localhost"}}, "want an IP address"},
		{Policy{Addrs: []string{"10.0.0.0/33"}}, "want an IP address"},
		{Policy{Addrs: []string{"unix:x"}}, "want unix:/PATH"},
		{Policy{Addrs: []string{""}}, "want an IP address"},
	} {
		err := tt.p.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.p, err, tt.want)
		}
	}
}

func TestBook(t *testing.T) {
	var b book
	b.add(kindOpen, allowed, []byte("/tmp/x1/b"))
	b.add(kindOpen, allowed, []byte("/proc/77/status"))
	b.add(kindOpen, denied, []byte("/tmp/x1/a"))
	b.add(kindExec, allowed, []byte("/tmp/x1/b"))
	b.add(kindOpen, allowed, []byte("/tmp/x1/b"))
	want := "execve allowed \"DIR/b\"\nopenat allowed \"/proc/PID/status\"\nopenat allowed \"DIR/b\"\nopenat denied \"DIR/a\""
	if got := strings.Join(b.lines("/tmp/x1", true), "\n"); got != want {
		t.Errorf("distinct lines are\n%s\nwant\n%s", got, want)
	}
	all := b.lines("/tmp/x1", false)
	if len(all) != 5 || b.denied() != 1 {
		t.Errorf("%d lines, %d denied; want 5 and 1", len(all), b.denied())
	}
	other := append([]string(nil), all...)
	other[4] = strings.Replace(other[4], "denied", "allowed", 1)
	if hashLines(all) == hashLines(other) {
		t.Error("another verdict has the same hash")
	}
}
