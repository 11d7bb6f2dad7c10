package report

import (
	"errors"
	"fmt"
	"strings"
)

// A Sample is the line of a results file that tells the hash of all samples of
// one machine.
type Sample struct {
	Goarch, Seed, Rows string
	Program            string // hash of the guest's program, "" in older files
	SHA256             string
}

// samplePrefix begins such a line.
const samplePrefix = "# samples "

// Remark is the line without its "# ".
func (s Sample) Remark() string {
	return fmt.Sprintf("%sgoarch=%s seed=%s rows=%s program=%s sha256=%s", samplePrefix[2:], s.Goarch, s.Seed, s.Rows, s.Program, s.SHA256)
}

// parseSample reads such a line. Keys that it does not know are a later
// version's.
func parseSample(line string) (Sample, error) {
	var s Sample
	to := map[string]*string{"goarch": &s.Goarch, "seed": &s.Seed, "rows": &s.Rows, "program": &s.Program, "sha256": &s.SHA256}
	for field := range strings.FieldsSeq(strings.TrimPrefix(line, samplePrefix)) {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return s, fmt.Errorf("%q in a line of hashes is no key=value", short(field))
		}
		if p := to[key]; p != nil {
			*p = value
		}
	}
	if s.Goarch == "" || s.Seed == "" || s.SHA256 == "" {
		return s, errors.New("a line of hashes without goarch, seed or sha256")
	}
	return s, nil
}
