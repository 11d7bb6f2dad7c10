package bench

import "os"

// getppid has nothing to do and nothing to read: the mechanism alone. (getpid
// is answered by some C libraries, and by some sandboxes, without a call.)
var _ = registerCase(&Case{
	Syscall: "getppid",
	Doc:     "nothing to do: the mechanism alone",
	Pointer: -1,
	prepare: func(s *scene) (*script, error) {
		parent := os.Getppid()
		if s.children {
			parent = os.Getpid()
		}
		return &script{call: step("getppid", uint64(parent))}, nil
	},
})
