package fuzz

import "unotify-bench/abi/model"

// Sequences is how many sequences of a length there are, of an alphabet.
func Sequences(alphabet, length int) int64 {
	n := int64(1)
	for range length {
		n *= int64(alphabet)
	}
	return n
}

// sequence is the i-th of them all: i in digits that are letters.
func sequence(alphabet []model.Op, length int, i int64) Program {
	p := make(Program, length)
	for at := length - 1; at >= 0; at-- {
		p[at] = Step{alphabet[i%int64(len(alphabet))]}
		i /= int64(len(alphabet))
	}
	return p
}

// every tries all sequences of a length, each of which has all shorter ones
// before it: each step is held against the model. It tries one of parts.
func (r *runner) every(length, part, parts int) error {
	alphabet := model.Core()
	filter := r.tools.kernel & model.Redirect
	total := Sequences(len(alphabet), length)
	for i := int64(part - 1); i < total; i += int64(parts) {
		if err := r.program(filter, sequence(alphabet, length, i)); err != nil {
			return err
		}
	}
	return nil
}
