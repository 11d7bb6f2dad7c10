package profile

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// ErrFile says that a file is no profile of a row.
var ErrFile = errors.New("this is no profile of run --profile")

// A file has two values a stack: the call in the middle, and the sum of all.
var sampleTypes = []*profile.ValueType{{Type: "call", Unit: "count"}, {Type: "calls", Unit: "count"}}

// The two mappings of a file tell user mode from the kernel.
const (
	kernelMapping = 1
	userMapping   = 2
)

// facts are what a file has in its comments, a line each.
func (p *Profile) facts() []struct {
	key   string
	value *string
} {
	return []struct {
		key   string
		value *string
	}{
		{"name", &p.Name},
		{"goarch", &p.Arch},
		{"kernel", &p.Kernel},
		{"kernel-sha256", &p.Image},
		{"qemu", &p.QEMU},
		{"seed", &p.Seed},
		{"samples-sha256", &p.Samples},
	}
}

// Pprof writes p for go tool pprof. The same profile is the same bytes.
func (p *Profile) Pprof(w io.Writer) error {
	out := &profile.Profile{
		SampleType:        sampleTypes,
		DefaultSampleType: sampleTypes[0].Type,
		Mapping: []*profile.Mapping{
			{ID: kernelMapping, File: "Linux " + p.Kernel, HasFunctions: true},
			{ID: userMapping, File: "user mode", HasFunctions: true},
		},
		Comments: []string{fmt.Sprintf("calls: %d", p.Calls), fmt.Sprintf("residue: %d", p.Residue)},
	}
	for _, f := range p.facts() {
		out.Comments = append(out.Comments, f.key+": "+*f.value)
	}
	type key struct {
		name string
		user bool
	}
	made := map[key]*profile.Location{}
	location := func(name string, user bool) *profile.Location {
		k := key{name, user}
		if l := made[k]; l != nil {
			return l
		}
		fn := &profile.Function{ID: uint64(len(out.Function) + 1), Name: name, SystemName: name}
		l := &profile.Location{ID: fn.ID, Mapping: out.Mapping[0], Line: []profile.Line{{Function: fn}}}
		if user {
			l.Mapping = out.Mapping[1]
		}
		out.Function, out.Location = append(out.Function, fn), append(out.Location, l)
		made[k] = l
		return l
	}
	for _, s := range p.Stacks {
		sample := &profile.Sample{Value: []int64{int64(s.Call), int64(s.All)}}
		for i, name := range slices.Backward(s.Frames) {
			sample.Location = append(sample.Location, location(name, s.User && i == len(s.Frames)-1))
		}
		// The task stands at the root, so that every view splits by it.
		sample.Location = append(sample.Location, location(s.Task, false))
		out.Sample = append(out.Sample, sample)
	}
	if err := out.CheckValid(); err != nil {
		return fmt.Errorf("make a profile for pprof: %w", err)
	}
	return out.Write(w)
}

// fileLimit is more than a profile has, uncompressed.
const fileLimit = 64 << 20

// Read reads what Pprof wrote.
func Read(r io.Reader) (*Profile, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, fileLimit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	case len(raw) > fileLimit:
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrFile, fileLimit)
	}
	in, err := profile.ParseUncompressed(raw)
	if err == nil {
		err = in.CheckValid()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return fromPprof(in)
}

func fromPprof(in *profile.Profile) (*Profile, error) {
	if len(in.SampleType) != 2 || in.SampleType[0].Type != sampleTypes[0].Type || in.SampleType[1].Type != sampleTypes[1].Type {
		return nil, fmt.Errorf("%w: its samples are others", ErrFile)
	}
	p := &Profile{}
	facts := p.facts()
	for _, c := range in.Comments {
		k, v, _ := strings.Cut(c, ": ")
		if k == "calls" {
			if _, err := fmt.Sscan(v, &p.Calls); err != nil {
				return nil, fmt.Errorf("%w: it is of %.20q calls", ErrFile, v)
			}
		}
		if k == "residue" {
			if _, err := fmt.Sscan(v, &p.Residue); err != nil {
				return nil, fmt.Errorf("%w: its residue is %.20q", ErrFile, v)
			}
		}
		for _, f := range facts {
			if f.key == k {
				*f.value = strings.Map(printable, v)
			}
		}
	}
	if p.Name == "" || p.Arch == "" || p.Calls < 1 {
		return nil, fmt.Errorf("%w: it does not say of which row it is", ErrFile)
	}
	for _, sample := range in.Sample {
		s := Stack{Call: uint64(sample.Value[0]), All: uint64(sample.Value[1])}
		if sample.Value[0] < 0 || sample.Value[1] < 0 || s.Call > s.All || s.All > 1<<50 || len(sample.Location) < 2 {
			return nil, fmt.Errorf("%w: a sample of it is impossible", ErrFile)
		}
		for i, l := range slices.Backward(sample.Location) {
			if len(l.Line) != 1 || l.Line[0].Function == nil {
				return nil, fmt.Errorf("%w: a function of it has no name", ErrFile)
			}
			name := strings.Map(printable, l.Line[0].Function.Name)
			if i == len(sample.Location)-1 {
				s.Task = name
				continue
			}
			s.Frames = append(s.Frames, name)
			s.User = l.Mapping != nil && l.Mapping.ID == userMapping
		}
		if !slices.Contains(Tasks, s.Task) {
			return nil, fmt.Errorf("%w: a task of it is %.40q", ErrFile, s.Task)
		}
		p.Median += s.Call
		p.All += s.All
		p.Stacks = append(p.Stacks, s)
	}
	p.sort()
	return p, nil
}
