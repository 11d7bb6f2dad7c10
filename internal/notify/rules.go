package notify

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Rule is what a filter answers to one syscall.
type Rule struct {
	Nr     int
	Action uint32 // a SECCOMP_RET_* value with its data
	// Only, if it is set, narrows the rule to calls whose argument 0 has
	// Value for its low half.
	Only  bool
	Value uint32
}

// FilterOf is FilterFor with several rules, of which the first that fits
// counts.
func FilterOf(rules []Rule) (Program, error) {
	var ins []bpf.Instruction
	for _, r := range rules {
		if !r.Only {
			ins = append(ins,
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(r.Nr), SkipFalse: 1},
				bpf.RetConstant{Val: r.Action})
			continue
		}
		ins = append(ins,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(r.Nr), SkipFalse: 4},
			bpf.LoadAbsolute{Off: dataArgs, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.Value, SkipFalse: 1},
			bpf.RetConstant{Val: r.Action},
			bpf.LoadAbsolute{Off: dataNr, Size: 4})
	}
	return policy(fmt.Sprintf("%d rules", len(rules)), ins...)
}
