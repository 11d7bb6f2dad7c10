package kernel

import (
	"fmt"
	"strings"
)

// Variant names one kind of kernel that can be built.
type Variant string

// Stock is Linux as the distribution has it: the control.
const Stock Variant = "stock"

// variants says what each variant is made of. A further one is a further
// row.
var variants = []variantSpec{
	{name: Stock, doc: "no patch: the control"},
}

type variantSpec struct {
	name Variant
	doc  string
	// config names fragments in config/, without ".config", which are
	// merged after the architecture's own.
	config []string
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
