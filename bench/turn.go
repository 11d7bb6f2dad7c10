package bench

// Turn is a stretch of calls that one thread makes for a row, without a turn of
// another in between.
type Turn struct {
	Native bool // of the thread without a filter
	Skip   int  // calls that are thrown away first
	Calls  int  // and those that are measured
}

// OneByOne reports whether the loop of asmstubs makes the calls of a cell one by
// one in the target, so that who watches from outside can tell them apart.
func (c Cell) OneByOne() bool {
	cs := c.findCase()
	return cs != nil && !cs.Execs && c.Targets == 0
}

// Turns says in which order the calls of a row are made. It is nil for a row
// whose calls are not made one by one.
func (r *Row) Turns() []Turn {
	const most = 1 << 20 // of a guest that may lie
	if !r.Cell.OneByOne() || r.Batch != 1 || r.Calls > most || r.Warmup > most {
		return nil
	}
	spec := targetSpec{Chunk: chunk, Batch: 1}
	var turns []Turn
	for at := 0; at < r.Calls; at += chunk {
		skip := spec.rewarm()
		if at == 0 {
			skip = r.Warmup
		}
		n := min(chunk, r.Calls-at)
		turns = append(turns, Turn{true, skip, n}, Turn{false, skip, n})
	}
	return turns
}
