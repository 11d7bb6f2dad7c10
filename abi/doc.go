// Package abi holds facts and nothing else: the structs and numbers of the
// seccomp user notification interface, and what differs between
// architectures.
//
//   - wire.go: the structs that cross the kernel's border, stock and proposed
//   - ioctl.go: the ioctl numbers of a listener
//   - seccomp.go: operations, flags and verdicts of seccomp(2)
//   - audit.go: the AUDIT_ARCH_* of the architectures
//   - arch.go, quirk.go: the types of one architecture's facts
//   - amd64, arm64, riscv64: those facts, one Arch literal each
//
// Names of the kernel's interface are spelled as the kernel spells them
// (SECCOMP_IOCTL_NOTIF_SEND); structs have Go names. Nothing here makes a
// system call, so all of it builds, and all three tables read the same, on
// any host and for any GOARCH. The package cannot list the architectures,
// since it never imports its children: a caller names the three it wants.
//
// Lines of Linux are those of 6.12.117, as Debian's linux-source-6.12 has it.
// "Proposed" marks what no released kernel has; the patches of this project
// implement it.
package abi
