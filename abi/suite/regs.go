package suite

import (
	"fmt"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// substitutes are what a supervisor put in place of arguments.
type substitutes struct {
	mask uint32 // bit i: argument i
	args [6]uint64
}

// callerArg is what a caller passes as argument i where the call itself does
// not matter: no descriptor, no address, no flag that does anything.
func callerArg(i int) uint64 { return 0x5a5a_a5a5_0000_0a01 | uint64(i)<<4 }

// otherArg is what a supervisor puts in its place.
func otherArg(i int) uint64 { return 0x0bad_f00d_0000_0b01 | uint64(i)<<4 }

func six(f func(int) uint64) (a [6]uint64) {
	for i := range a {
		a[i] = f(i)
	}
	return a
}

// preserved checks that a call left its caller every register that the syscall
// ABI preserves.
func (t *T) preserved(what string, f *asmstubs.Frame, s substitutes) {
	if text := changes(f, s); text != "" {
		t.Errorf("%s: the caller's registers changed\n%s\n%s", what, text, dump(f))
	}
}

// changes says what a call changed and should not have, "" for nothing.
func changes(f *asmstubs.Frame, s substitutes) string {
	var wrong []string
	kept, lost := "", ""
	for i, name := range asmstubs.RegNames {
		if i == asmstubs.ResultReg {
			continue
		}
		in, out := f.In[i], f.Out[i]
		reg, known := notify.Native.Reg(name)
		switch {
		case known && reg.Role == abi.Clobbered:
			// The instruction overwrites them all, or, with FRED, none.
			if in == out {
				kept = name
			} else {
				lost = name
			}
			if is := substituted(out, s); is != "" {
				wrong = append(wrong, fmt.Sprintf("%s was %#x, is %#x%s", name, in, out, is))
			}
		case in != out:
			is := substituted(out, s)
			if is == "" {
				is = ": no substitute, something else"
			}
			wrong = append(wrong, fmt.Sprintf("%s was %#x, is %#x%s", name, in, out, is))
		}
	}
	if kept != "" && lost != "" {
		wrong = append(wrong, fmt.Sprintf("%s is kept and %s is not: neither SYSCALL nor FRED does that", kept, lost))
	}
	if f.FlagsIn != f.FlagsOut {
		wrong = append(wrong, fmt.Sprintf("the flags were %#x, are %#x", f.FlagsIn, f.FlagsOut))
	}
	return strings.Join(wrong, "\n")
}

// substituted says of which argument v is the substitute.
func substituted(v uint64, s substitutes) string {
	for i, a := range s.args {
		if s.mask&(1<<i) != 0 && v == a {
			return fmt.Sprintf(": the substitute of argument %d, a leak", i)
		}
	}
	return ""
}

// dump shows a register file before and after.
func dump(f *asmstubs.Frame) string {
	var b strings.Builder
	for _, side := range []struct {
		name string
		regs *asmstubs.Regs
	}{{"before", &f.In}, {"after", &f.Out}} {
		fmt.Fprintf(&b, "%s:", side.name)
		for i, v := range side.regs {
			if i%4 == 0 {
				b.WriteString("\n ")
			}
			fmt.Fprintf(&b, " %4s %016x", asmstubs.RegNames[i], v)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
