package profile

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Folded writes the call in the middle as a line a stack, which flamegraph.pl,
// inferno and speedscope read.
func (p *Profile) Folded(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, s := range p.Stacks {
		if s.Call > 0 {
			fmt.Fprintf(out, "%s;%s %d\n", s.Task, strings.Join(s.Frames, ";"), s.Call)
		}
	}
	return out.Flush()
}
