package workload

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// addrRule allows addresses: of AF_UNIX by the beginning of their path (which
// is a 0 byte for an abstract one), of AF_INET and AF_INET6 by a prefix, of
// any other family all.
type addrRule struct {
	family uint16
	path   string
	prefix netip.Prefix
}

// parseAddr reads unix:/path, unix:@abstract, an IP address or prefix, or
// netlink.
func parseAddr(s string) (addrRule, error) {
	if p, ok := strings.CutPrefix(s, "unix:"); ok {
		switch {
		case strings.HasPrefix(p, "/"):
			return addrRule{family: unix.AF_UNIX, path: path.Clean(p)}, nil
		case strings.HasPrefix(p, "@"):
			return addrRule{family: unix.AF_UNIX, path: "\x00" + p[1:]}, nil
		}
		return addrRule{}, fmt.Errorf("allowed address %q: want unix:/PATH or unix:@ABSTRACT", s)
	}
	if s == "netlink" {
		return addrRule{family: unix.AF_NETLINK}, nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		ip, e := netip.ParseAddr(s)
		if e != nil {
			return addrRule{}, fmt.Errorf("allowed address %q: want an IP address or prefix, unix:/PATH, unix:@ABSTRACT or netlink", s)
		}
		prefix = netip.PrefixFrom(ip, ip.BitLen())
	}
	family := uint16(unix.AF_INET)
	if prefix.Addr().Is6() {
		family = unix.AF_INET6
	}
	return addrRule{family: family, prefix: prefix}, nil
}

// address is a sockaddr, taken apart.
type address struct {
	family uint16
	path   string
	ip     netip.Addr
	port   uint16
}

// readAddr takes a sockaddr apart. What is too short names nothing, and the
// kernel refuses it itself.
func readAddr(raw []byte) address {
	if len(raw) < 2 {
		return address{}
	}
	a := address{family: binary.NativeEndian.Uint16(raw)}
	switch {
	case a.family == unix.AF_UNIX:
		a.path = string(raw[2:])
		// A path ends at its NUL; an abstract name begins with one, and all
		// bytes count.
		if i := strings.IndexByte(a.path, 0); i > 0 {
			a.path = a.path[:i]
		}
	case a.family == unix.AF_INET && len(raw) >= unix.SizeofSockaddrInet4:
		a.ip, a.port = netip.AddrFrom4([4]byte(raw[4:8])), binary.BigEndian.Uint16(raw[2:])
	case a.family == unix.AF_INET6 && len(raw) >= unix.SizeofSockaddrInet6:
		a.ip, a.port = netip.AddrFrom16([16]byte(raw[8:24])), binary.BigEndian.Uint16(raw[2:])
	}
	return a
}

// allowsAddr judges. An address of no family dissolves a connection, and may.
func (r *rules) allowsAddr(a address) bool {
	if a.family == unix.AF_UNSPEC {
		return true
	}
	for _, rule := range r.addrs {
		if rule.family != a.family {
			continue
		}
		switch a.family {
		case unix.AF_UNIX:
			abstract := rule.path[0] == 0
			if abstract && strings.HasPrefix(a.path, rule.path) || !abstract && below([]byte(path.Clean(a.path)), []byte(rule.path)) {
				return true
			}
		case unix.AF_INET, unix.AF_INET6:
			if a.ip.IsValid() && rule.prefix.Contains(a.ip) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// ephemeral is where ports begin that the kernel chose, and which no two runs
// have in common: net.ipv4.ip_local_port_range.
const ephemeral = 32768

// append spells the address as the list of verdicts has it.
func (a address) append(b []byte) []byte {
	switch {
	case a.family == unix.AF_UNIX:
		return append(append(b, "unix:"...), strings.ReplaceAll(a.path, "\x00", "@")...)
	case !a.ip.IsValid():
		return strconv.AppendUint(append(b, "family "...), uint64(a.family), 10)
	}
	b = append(a.ip.AppendTo(b), " port "...)
	if a.port >= ephemeral {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(a.port), 10)
}
