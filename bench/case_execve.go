package bench

// execve starts a static program of one page, from just before the call to
// the new program's first instruction: the old image is as small, so what is
// measured is the least that an execve costs. Each call is checked: the next
// is made by the program that it started.
var _ = registerCase(&Case{
	Syscall: "execve",
	Doc:     "start the smallest program",
	Pointer: 0,
	Size:    SizeString,
	Execs:   true,
	prepare: func(s *scene) (*script, error) {
		r, err := newRelay(s)
		if err != nil {
			return nil, err
		}
		return &script{
			call:    step("execve", 0, r.Path, r.Argv, r.Envp),
			memory:  r.path,
			scratch: r.scratch,
			issue:   r.run,
		}, nil
	},
})
