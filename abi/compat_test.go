package abi_test

import (
	"slices"
	"testing"

	"unotify-bench/abi"
)

// TestCompat compares the tables of 32-bit tasks with golang.org/x/sys/unix,
// and with themselves.
func TestCompat(t *testing.T) {
	goarch := map[string]string{"i386": "386", "arm": "arm"}
	seen := 0
	for _, a := range archs {
		c := a.Compat
		if c == nil {
			continue
		}
		seen++
		t.Run(c.Name, func(t *testing.T) {
			theirs := xsys(t, goarch[c.Name])
			for name, nr := range c.Syscalls {
				if v, ok := theirs["nr "+name]; !ok || v != uint64(nr) {
					t.Errorf("%s is %d, x/sys says %d (%v)", name, nr, v, ok)
				}
			}
			want := map[string]uint32{"i386": abi.AUDIT_ARCH_I386, "arm": abi.AUDIT_ARCH_ARM}[c.Name]
			if c.AuditArch != want || c.AuditArch == a.AuditArch {
				t.Errorf("its AUDIT_ARCH is %#x, want %#x, which is not %#x", c.AuditArch, want, a.AuditArch)
			}
			named := append([]string{c.Nr, c.Result, c.SP}, c.Args[:]...)
			for _, r := range named {
				if !slices.Contains(c.Regs, r) {
					t.Errorf("it has no register %q", r)
				}
			}
			if args := slices.Compact(slices.Sorted(slices.Values(c.Args[:]))); len(args) != len(c.Args) {
				t.Errorf("two arguments share a register: %v", c.Args)
			}
		})
	}
	if seen != len(goarch) {
		t.Errorf("%d architectures have 32-bit tasks, want %d", seen, len(goarch))
	}
}
