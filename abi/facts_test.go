package abi_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
)

var archs = []*abi.Arch{&amd64.Arch, &arm64.Arch, &riscv64.Arch}

// facts are values under names that say what is meant: "offset
// seccomp_notif.pid", "nr openat", "reg rax", or a constant's own name.
type facts map[string]uint64

// structs pairs each wire struct with the name and the members that the C
// side has, in order. A member of "" is padding, which C does not name.
var structs = []struct {
	c       string
	members []string
	typ     reflect.Type
}{
	{"seccomp_data", []string{"nr", "arch", "instruction_pointer", "args"}, reflect.TypeFor[abi.Data]()},
	{"seccomp_notif", []string{"id", "pid", "flags", "data"}, reflect.TypeFor[abi.Notif]()},
	{"seccomp_notif_resp", []string{"id", "val", "error", "flags"}, reflect.TypeFor[abi.NotifResp]()},
	{"seccomp_notif_addfd", []string{"id", "flags", "srcfd", "newfd", "newfd_flags"}, reflect.TypeFor[abi.NotifAddFD]()},
	{"seccomp_notif_sizes", []string{"seccomp_notif", "seccomp_notif_resp", "seccomp_data"}, reflect.TypeFor[abi.NotifSizes]()},
	{"seccomp_notif_inject", []string{"id", "nr", "args", "buf", "buf_size", "args_in_buf_mask"}, reflect.TypeFor[abi.NotifInject]()},
	{"seccomp_notif_target_call", []string{"id", "flags", "reserved", "nr", "args", "ret"}, reflect.TypeFor[abi.NotifTargetCall]()},
	{"seccomp_notif_pin_install", []string{"id", "flags", "memfd", "target_addr", "size", "offset"}, reflect.TypeFor[abi.NotifPinInstall]()},
	{"seccomp_notif_resp_redirect", []string{"id", "flags", "args_mask", "ptr_mask", "memfd", "args", "ptr_len"}, reflect.TypeFor[abi.NotifRespRedirect]()},
	{"ptrace_syscall_info", []string{"op", "", "arch", "instruction_pointer", "stack_pointer", "seccomp.nr", "seccomp.args", "seccomp.ret_data", ""}, reflect.TypeFor[abi.PtraceSyscallInfo]()},
}

// wireFacts is what package abi says of the wire.
func wireFacts() facts {
	f := maps.Clone(constants)
	for _, s := range structs {
		f["size "+s.c] = uint64(s.typ.Size())
		for i, m := range s.members {
			if m == "" {
				continue
			}
			field := s.typ.Field(i)
			name := s.c + "." + m
			f["offset "+name] = uint64(field.Offset)
			f["width "+name] = uint64(field.Type.Size())
			switch field.Type.Kind() {
			case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
				f["signed "+name] = 1
			case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
				f["signed "+name] = 0
			}
		}
	}
	return f
}

// archFacts is what the table a says.
func archFacts(a *abi.Arch) facts {
	f := facts{
		"auditarch": uint64(a.AuditArch),
		"sigresult": uint64(a.SigResultOffset),
		"regset":    uint64(8 * len(a.Regs)),
	}
	for _, r := range a.Regs {
		f["reg "+r.Name] = uint64(r.Offset)
	}
	for name, nr := range a.Syscalls {
		f["nr "+name] = uint64(nr)
	}
	return f
}

// diff says, sorted, where ours is not theirs. A name that only theirs has
// is a hole in our tables; one that only ours has is returned apart, since
// headers can be older than the tables.
func diff(theirs, ours facts) (wrong, unknown []string) {
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		their, ok := theirs[name]
		switch {
		case !ok:
			unknown = append(unknown, name)
		case their != ours[name]:
			wrong = append(wrong, fmt.Sprintf("%s: we say %#x, they say %#x", name, ours[name], their))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if _, ok := ours[name]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s: not in our tables, they say %#x", name, theirs[name]))
		}
	}
	return wrong, unknown
}
