package kernel

import (
	"fmt"
	"strings"
)

// Variant names one kind of kernel that can be built.
type Variant string

const (
	Stock   Variant = "stock"   // Linux as the distribution has it: the control
	Patched Variant = "patched" // with the series that this project proposes
	Debug   Variant = "debug"   // patched, and the kernel watches itself
	Faulty  Variant = "faulty"  // patched, with bugs seeded to judge checks by

	// DebugFaulty is for the bugs that only a kernel sees which watches itself.
	DebugFaulty Variant = "debug-faulty"
)

// variants says what each variant is made of. A further one is a further
// row.
var variants = []variantSpec{
	{name: Stock, doc: "no patch: the control"},
	{name: Patched, doc: "with kernel/patches", patches: []string{"patches"}},
	{name: Debug, doc: "patched, with KASAN, lockdep and the like", config: []string{"debug"}, vars: debugVars, patches: []string{"patches"}},
	{name: Faulty, doc: "patched, with kernel/faults", patches: []string{"patches", "faults"}},
	{name: DebugFaulty, doc: "debug, with kernel/faults", config: []string{"debug"}, vars: debugVars, patches: []string{"patches", "faults"}},
}

// debugVars keeps KASAN out of lockdep's own code, as kernel/locking/Makefile
// does since Linux 6.15. lockdep is most of what a debug kernel executes, and
// none of what is tested: with it a check on riscv64 took ten times as long.
// KCOV is for the opposite: for what is tested, and nothing else.
var debugVars = []string{"KASAN_SANITIZE_lockdep.o=n", "KCOV_INSTRUMENT_seccomp.o=y", "KCOV_INSTRUMENT_seccomp_call.o=y"}

type variantSpec struct {
	name Variant
	doc  string
	// config names fragments in config/, without ".config", which are
	// merged after the architecture's own; NAME-ARCH, if there is one, after
	// NAME. Variants with the same ones share an object tree.
	config []string
	// vars are for make, on top of config: what no symbol of Kconfig says.
	vars []string
	// patches names directories of patches, which are applied in order.
	patches []string
}

// release is added to the kernel's release, so that results tell variants
// apart.
func (s variantSpec) release() string {
	if s.patches == nil {
		return ""
	}
	return "-" + string(s.name)
}

// Variants lists what can be built.
func Variants() []Variant {
	var names []Variant
	for _, s := range variants {
		names = append(names, s.name)
	}
	return names
}

func (v Variant) spec() (variantSpec, error) {
	var known []string
	for _, s := range variants {
		if s.name == v {
			return s, nil
		}
		known = append(known, string(s.name))
	}
	return variantSpec{}, fmt.Errorf("%w %q: there is %s", ErrUnknownVariant, v, strings.Join(known, ", "))
}
