package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// residueWarnings says what beside the kernel differs between what is
// compared, or within one file: the difference might be that and not the
// kernel's. Lanes that only one file has say nothing.
func (l *laneMatch) residueWarnings() []error {
	if l.counts[0] == 0 || l.counts[1] == 0 {
		return nil
	}
	var warnings []error
	for side, which := range []string{"old", "new"} {
		if len(l.kernels[side]) > 1 {
			warnings = append(warnings, fmt.Errorf("%s: the %s file holds results of several kernels, which its rows mix: %s",
				clean(l.Where()), which, l.kernel(side)))
		}
	}
	keys := slices.Concat(slices.Collect(maps.Keys(l.residue[0])), slices.Collect(maps.Keys(l.residue[1])))
	for _, f := range benchproc.NonSingularFields(keys) {
		warnings = append(warnings, fmt.Errorf("%s: not only the kernel differs: %s is %s in the old file, and %s in the new one",
			clean(l.Where()), f.Name, values(l.residue[0], f), values(l.residue[1], f)))
	}
	slices.SortFunc(warnings, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return warnings
}

// values spells the values that keys have of a field.
func values(keys map[benchproc.Key]bool, f *benchproc.Field) string {
	var all []string
	for k := range keys {
		v := clean(k.Get(f))
		if v == "" {
			v = "not said"
		}
		all = append(all, v)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " and ")
}

// mergeUnits is what both files say of units, as if they were one file.
func mergeUnits(a, b benchfmt.UnitMetadataMap) benchfmt.UnitMetadataMap {
	all := make(benchfmt.UnitMetadataMap)
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}
