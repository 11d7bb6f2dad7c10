package kernel

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"unotify-bench/internal/lazy"
)

// Fault is a bug that the variant faulty can have, or a slow-down. Its kernel
// parameter unotify_fault=NAME switches it on.
type Fault struct {
	Name    string
	Section string // of the checks that are about it: C to F, A; S is a slow-down, W a warning
	Doc     string // what goes wrong
}

const (
	// slowdowns is the section of faults that no check can find: they only cost.
	slowdowns = "S"
	// warnings is the section of those that only the kernel's log shows: fuzz looks there.
	warnings = "W"
	// accounts is the section of those about memory cgroups and audit, which the
	// kernels that are measured do without.
	accounts = "A"
)

// In reports whether kernels of variant v can have the fault.
func (f Fault) In(v Variant) bool {
	return v == DebugFaulty || v == Faulty && f.Section != accounts
}

// Param is the kernel parameter for it.
func (f Fault) Param() string { return "unotify_fault=" + f.Name }

// SwitchFault switches a fault of the running kernel on, in place of any
// other; "none" switches it off. It is for a guest that runs the variant
// faulty, as root.
func SwitchFault(name string) error {
	if err := os.WriteFile("/sys/module/kernel/parameters/unotify_fault", []byte(name), 0); err != nil {
		return fmt.Errorf("switch the fault %s on: %w", name, err)
	}
	return nil
}

// faultLine is a row of SECCOMP_FAULTS in the patch's seccomp_fault.h, which
// is the only list.
var faultLine = lazy.Regexp(`(?m)^\+\tF\(([AC-FSW]), (\w+),\s*"([^"]*)"\)`)

// Faults lists the bugs that can be switched on, and that a check can find.
func Faults() []Fault {
	return slices.DeleteFunc(seeded(), func(f Fault) bool { return f.Section == slowdowns || f.Section == warnings })
}

// FaultsIn lists the bugs that kernels of variant v can have.
func FaultsIn(v Variant) []Fault {
	return slices.DeleteFunc(Faults(), func(f Fault) bool { return !f.In(v) })
}

// Slowdowns lists what can be switched on that costs instructions and is right
// in everything else: what a measurement should find.
func Slowdowns() []Fault {
	return slices.DeleteFunc(seeded(), func(f Fault) bool { return f.Section != slowdowns })
}

func seeded() []Fault {
	var faults []Fault
	files, err := fs.Glob(embeddedPatches, "faults/*.patch")
	if err != nil {
		return nil
	}
	for _, name := range files {
		text, err := fs.ReadFile(embeddedPatches, name)
		if err != nil {
			continue
		}
		for _, m := range faultLine().FindAllSubmatch(text, -1) {
			faults = append(faults, Fault{Section: string(m[1]), Name: string(m[2]), Doc: string(m[3])})
		}
	}
	return faults
}

// FindFault returns the bug of that name. The error lists all there are.
func FindFault(name string) (Fault, error) { return findFault(Faults(), name) }

// FindBug is FindFault for whoever looks at the kernel's log, too.
func FindBug(name string) (Fault, error) {
	return findFault(slices.DeleteFunc(seeded(), func(f Fault) bool { return f.Section == slowdowns }), name)
}

// FindSlowdown is FindFault for those.
func FindSlowdown(name string) (Fault, error) { return findFault(Slowdowns(), name) }

func findFault(faults []Fault, name string) (Fault, error) {
	var known []string
	for _, f := range faults {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Fault{}, fmt.Errorf("%w %q: there is %s", ErrUnknownFault, name, strings.Join(known, ", "))
}
