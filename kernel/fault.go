package kernel

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// Fault is a bug that the variant faulty can have. Its kernel parameter
// unotify_fault=NAME switches it on.
type Fault struct {
	Name    string
	Section string // of the checks that are about it: C to F
	Doc     string // what goes wrong
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
var faultLine = regexp.MustCompile(`(?m)^\+\tF\(([C-F]), (\w+),\s*"([^"]*)"\)`)

// Faults lists what can be switched on.
func Faults() []Fault {
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
		for _, m := range faultLine.FindAllSubmatch(text, -1) {
			faults = append(faults, Fault{Section: string(m[1]), Name: string(m[2]), Doc: string(m[3])})
		}
	}
	return faults
}

// FindFault returns the fault of that name. The error lists all there are.
func FindFault(name string) (Fault, error) {
	var known []string
	for _, f := range Faults() {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Fault{}, fmt.Errorf("%w %q: there is %s", ErrUnknownFault, name, strings.Join(known, ", "))
}
