package fuzz

import "unotify-bench/abi/model"

// Sequences is how many programs Order.Length tries, of all parts, on a kernel that has some
// features: all sequences of a length out of the core alphabet, and those with a signal once
// more if a task can wait in two ways. See every.
func Sequences(length int, f model.Features) int64 {
	letters, silent := int64(len(model.Core())), int64(0)
	for _, o := range model.Core() {
		if o.Do != model.Signal {
			silent++
		}
	}
	n := power(letters, length)
	if f.Has(model.Killable) {
		n += n - power(silent, length)
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

// signals reports whether there is a signal in the i-th sequence, which it does not make.
func signals(alphabet []model.Op, length int, i int64) bool {
	for range length {
		if alphabet[i%int64(len(alphabet))].Do == model.Signal {
			return true
		}
		i /= int64(len(alphabet))
	}
	return false
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
			if filter.Has(model.Killable) && !signals(alphabet, length, i) {
				continue
			}
			if n++; (n-int64(part))%int64(parts) != 0 {
				continue
			}
			if err := r.program(filter, sequence(alphabet, length, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// waits are filters with redirects, if the kernel has them, for each way in which a task
// can wait.
func (r *runner) waits() []Filter {
	all := eitherWay(r.tools.kernel)
	for i := range all {
		all[i] &= model.Redirect | model.Killable
	}
	return all
}

// eitherWay is what a kernel has, for each way in which a task can wait.
func eitherWay(f model.Features) []model.Features {
	if f.Has(model.Killable) {
		return []model.Features{f &^ model.Killable, f}
	}
	return []model.Features{f}
}
