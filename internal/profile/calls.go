package profile

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// ErrOther says that a trace and a row are not of the same calls.
var ErrOther = errors.New("the trace does not have the calls of the row")

// Turn is a stretch of calls of one thread, of which the first are thrown away.
type Turn struct {
	Native      bool // of the thread without a filter
	Skip, Calls int
}

// Profile is where the instructions of a row went.
type Profile struct {
	About
	Calls  int     // measured
	Median uint64  // instructions of the call in the middle: what the row says
	All    uint64  // instructions of all calls
	Stacks []Stack // dearest first
	// Residue is how many instructions more the trace has of all calls than the
	// clock counted: 0, unless calls were disturbed in a way that Flow does not
	// know. The call in the middle is exact in any case.
	Residue int64
}

// Clock is what the row says of its calls: the median, and their sum.
type Clock struct{ Median, Sum uint64 }

// About says of what a profile is. What a file has of it is not trusted.
type About struct {
	Name    string // of the row
	Arch    string
	Kernel  string // its release
	Image   string // SHA-256 of the kernel
	QEMU    string
	Seed    string
	Samples string // SHA-256 of the row's samples
}

// Stack is a function with its callers.
type Stack struct {
	Task   string   // Target, Supervisor, or Others
	Frames []string // outermost first
	User   bool     // the last runs in user mode
	Call   uint64   // its own instructions in the call in the middle
	All    uint64   // and in all calls
}

// Tasks, as Stack.Task names them.
const (
	Target     = "target"
	Supervisor = "supervisor"
	Others     = "others"
)

// Tasks lists them in the order of tables.
var Tasks = []string{Target, Supervisor, Others}

// Profile returns the profile of a row whose calls were made in turns, and
// whose samples have the hash that it says: those of the thread with the
// filter, then those of the other.
func (f *Flow) Profile(about About, turns []Turn, clock Clock) (*Profile, error) {
	calls := f.row(turns, about.Samples)
	if calls == nil {
		return nil, fmt.Errorf("%w: %d calls were traced", ErrOther, len(f.calls))
	}
	if !f.entered {
		return nil, fmt.Errorf("%w: no call enters it in %s", errKernel, f.entry)
	}
	p := &Profile{About: about, Calls: len(calls)}
	byCost := slices.Clone(calls)
	slices.SortStableFunc(byCost, func(a, b *call) int { return cmp.Compare(a.total, b.total) })
	// The nearest rank, as bench takes it: a call that was made.
	middle := byCost[(len(byCost)+1)/2-1]
	if p.Median = middle.total; p.Median != clock.Median {
		return nil, fmt.Errorf("%w: the call in the middle has %d instructions, the clock counted %d", ErrOther, p.Median, clock.Median)
	}
	sums := map[int32]*Stack{}
	for _, c := range calls {
		p.All += c.total
		for id, n := range c.nodes {
			if sums[id] == nil {
				sums[id] = &Stack{}
			}
			sums[id].All += n
			if c == middle {
				sums[id].Call = n
			}
		}
	}
	p.Residue = int64(p.All) - int64(clock.Sum)
	names := f.taskNames(calls, sums)
	// Tasks of one name may have the same stacks.
	merged := map[string]*Stack{}
	for id, s := range sums {
		root := int32(0)
		for at := id; at >= 0; at = f.nodes[at].parent {
			if f.nodes[at].parent < 0 {
				root = at
				break
			}
			s.Frames = append(s.Frames, f.name(f.nodes[at].sym))
		}
		slices.Reverse(s.Frames)
		s.Task, s.User = names[root], f.isUser(f.nodes[id].sym)
		key := fmt.Sprintf("%s %q", s.Task, s.Frames)
		if m := merged[key]; m != nil {
			m.Call += s.Call
			m.All += s.All
			continue
		}
		merged[key] = s
	}
	for _, s := range merged {
		p.Stacks = append(p.Stacks, *s)
	}
	p.sort()
	return p, nil
}

// sort makes the order of stacks depend on nothing but what they are.
func (p *Profile) sort() {
	slices.SortFunc(p.Stacks, func(a, b Stack) int {
		return cmp.Or(cmp.Compare(b.Call, a.Call), cmp.Compare(b.All, a.All),
			cmp.Compare(a.Task, b.Task), slices.Compare(a.Frames, b.Frames))
	})
}

// taskNames tells who the tasks are: the target makes the calls, and of the
// others the supervisor runs most in user mode.
func (f *Flow) taskNames(calls []*call, sums map[int32]*Stack) map[int32]string {
	names := map[int32]string{}
	user := map[int32]uint64{}
	for id, s := range sums {
		root := id
		for f.nodes[root].parent >= 0 {
			root = f.nodes[root].parent
		}
		names[root] = Others
		if f.isUser(f.nodes[id].sym) {
			user[root] += s.All
		}
	}
	for _, c := range calls {
		names[c.who.root] = Target
	}
	best := int32(-1)
	for root, n := range user {
		if names[root] == Others && (best < 0 || n > user[best] || n == user[best] && root < best) {
			best = root
		}
	}
	if best >= 0 {
		names[best] = Supervisor
	}
	return names
}

// row finds the calls of a row among those of the trace, and returns the
// measured ones under the mechanism: those whose hash the row has, else all
// that there are if they are as many; nil for none.
func (f *Flow) row(turns []Turn, want string) []*call {
	n := 0
	for _, t := range turns {
		n += t.Skip + t.Calls
	}
	if n == 0 {
		return nil
	}
	for at := 0; at+n <= len(f.calls); at++ {
		var sets [2][]*call
		rest := f.calls[at:]
		for _, t := range turns {
			i := 0
			if t.Native {
				i = 1
			}
			sets[i] = append(sets[i], rest[t.Skip:t.Skip+t.Calls]...)
			rest = rest[t.Skip+t.Calls:]
		}
		if hashOf(sets[0], sets[1]) == want || n == len(f.calls) {
			return sets[0]
		}
	}
	return nil
}

// hashOf is bench's Row.SHA256.
func hashOf(sets ...[]*call) string {
	h := sha256.New()
	var b [8]byte
	for _, set := range sets {
		for _, c := range set {
			binary.LittleEndian.PutUint64(b[:], c.total)
			h.Write(b[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
