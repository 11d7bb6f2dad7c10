package kernel

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Fault is a bug that the variant faulty can have. Its kernel parameter
// unotify_fault=NAME switches it on.
type Fault struct {
	Name string
	Doc  string // what goes wrong
}

// Param is the kernel parameter for it.
func (f Fault) Param() string { return "unotify_fault=" + f.Name }

// faultLine is a row of SECCOMP_FAULTS in the patch's seccomp_fault.h, which
// is the only list.
var faultLine = regexp.MustCompile(`(?m)^\+\tF\((\w+),\s*"([^"]*)"\)`)

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
			faults = append(faults, Fault{string(m[1]), string(m[2])})
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
