package kernel

// Progress is told how far a long operation is. Its methods are called from
// one goroutine at a time. A nil Progress is silence.
type Progress interface {
	// Step begins a stage, such as "compile amd64 stock".
	Step(name string)
	// Done says that done of total units of the stage are behind. A total
	// of 0 means that nobody knows yet.
	Done(done, total int64)
	// Log is a line for the person, outside of any bar.
	Log(line string)
}

// silent stands in for a nil Progress.
type silent struct{}

func (silent) Step(string)       {}
func (silent) Done(int64, int64) {}
func (silent) Log(string)        {}
