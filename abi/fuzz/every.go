package fuzz

import (
	"slices"

	"unotify-bench/abi/model"
)

// Sequences is how many programs Order.Length tries, of all parts: all sequences of a length
// out of the core alphabet, and those with a signal once more. See every.
func Sequences(length int) int64 {
	letters := int64(len(model.Core()))
	return 2*power(letters, length) - power(letters-signals(), length)
}

// signals is how many operations of the core alphabet are a signal.
func signals() (n int64) {
	for _, o := range model.Core() {
		if o.Do == model.Signal {
			n++
		}
	}
	return n
}

func power(base int64, exponent int) int64 {
	n := int64(1)
	for range exponent {
		n *= base
	}
	return n
}

// sequence is the i-th of all of a length: i in digits that are letters.
func sequence(alphabet []model.Op, length int, i int64) Program {
	p := make(Program, length)
	for at := length - 1; at >= 0; at-- {
		p[at] = Step{alphabet[i%int64(len(alphabet))]}
		i /= int64(len(alphabet))
	}
	return p
}

// hasSignal reports whether there is a signal in a program.
func (p Program) hasSignal() bool {
	return slices.ContainsFunc(p, func(s Step) bool {
		return slices.ContainsFunc(s, func(o model.Op) bool { return o.Do == model.Signal })
	})
}

// every tries all sequences of a length, each of which has all shorter ones before it:
// each step is held against the model. Under SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV it is
// what signals do that is another thing, and so it tries those that have one. Of all these
// it tries one of parts.
func (r *runner) every(length, part, parts int) error {
	alphabet := model.Core()
	n := int64(0)
	for _, filter := range r.waits() {
		for i := range power(int64(len(alphabet)), length) {
			p := sequence(alphabet, length, i)
			if filter.Has(model.Killable) && !p.hasSignal() {
				continue
			}
			if n++; (n-int64(part))%int64(parts) != 0 {
				continue
			}
			if err := r.program(filter, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// waits are filters with all that the kernel has, for both ways in which a task can wait.
func (r *runner) waits() []Filter {
	f := r.tools.kernel & model.Redirect
	return []Filter{f, f | model.Killable}
}
