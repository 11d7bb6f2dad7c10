package fuzz

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"unotify-bench/abi/model"
)

// everything is a listener of a kernel that has everything.
var everything = model.State{Features: model.Everything}

// Generator tells whether an order is the same programs as it was: it is a hash of what
// they are made of, and changes with the alphabet, the situations or the deck of chance,
// whichever the order needs. 8 hexadecimal digits.
func (o *Order) Generator() string {
	h := sha256.New()
	fmt.Fprintln(h, Rules)
	if o.Length > 0 {
		for _, op := range model.Core() {
			fmt.Fprintln(h, op)
		}
	}
	if o.Ends {
		for _, f := range eitherWay(everything.Features) {
			for _, p := range endings(model.State{Features: f}) {
				fmt.Fprintln(h, p)
			}
		}
	}
	if o.Ops > 0 {
		// A kernel's answers lead chance, too; these are the model's.
		rng := rand.New(rand.NewPCG(1, 0))
		for range generated {
			fmt.Fprintln(h, makeUp(rng, everything, nil))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:4])
}

// Rules is how a program is done, under which filters, and what of it counts: it changes when
// that does. Of the second a RECV that nothing comes for is done, too, and what is done is what
// counts; of the third sequences with a signal, and ends, are done in both ways to wait.
const Rules = 3

// generated is how many programs by chance Generator looks at.
const generated = 100
