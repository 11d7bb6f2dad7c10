package workload

import (
	"encoding/binary"
	"path"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzAddress: of a sockaddr in a target's memory, what is not allowed is not.
func FuzzAddress(f *testing.F) {
	family := func(n uint16, rest string) []byte { return append(binary.NativeEndian.AppendUint16(nil, n), rest...) }
	f.Add(family(unix.AF_UNIX, "/run/x/../../etc/y\x00z"))
	f.Add(family(unix.AF_UNIX, "\x00abstract"))
	f.Add(family(unix.AF_INET, "\x00\x50\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(family(unix.AF_INET6, strings.Repeat("\x00", 26)))
	r := &rules{}
	for _, s := range []string{"unix:/run/x", "unix:@abs", "127.0.0.0/8", "::1"} {
		rule, err := parseAddr(s)
		if err != nil {
			f.Fatal(err)
		}
		r.addrs = append(r.addrs, rule)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a := readAddr(raw)
		if got := a.append(nil); len(got) > 2*len(raw)+64 {
			t.Errorf("%d bytes are spelled in %d", len(raw), len(got))
		}
		if !r.allowsAddr(a) {
			return
		}
		switch a.family {
		case unix.AF_UNSPEC:
		case unix.AF_UNIX:
			p := path.Clean(a.path)
			if !strings.HasPrefix(a.path, "\x00abs") && p != "/run/x" && !strings.HasPrefix(p, "/run/x/") {
				t.Errorf("%q is allowed", a.path)
			}
		default:
			if !a.ip.IsLoopback() {
				t.Errorf("%v of family %d is allowed", a.ip, a.family)
			}
		}
	})
}
