package kernel

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"unotify-bench/abi"
)

//go:embed config/*.config
var fragments embed.FS

// Config returns what a kernel's configuration is asked to hold: the
// fragments of arch and v with the reasons in them, of which the last line
// about a symbol counts. They are laid over tinyconfig.
func (b *Builder) Config(arch *abi.Arch, v Variant) (string, error) {
	t, err := targetOf(arch)
	if err != nil {
		return "", err
	}
	spec, err := v.spec()
	if err != nil {
		return "", err
	}
	texts, err := fragmentsOf(t, spec)
	return strings.Join(texts, "\n"), err
}

func fragmentsOf(t target, spec variantSpec) ([]string, error) {
	names := []string{"common", t.arch}
	for _, name := range spec.config {
		names = append(names, name)
		// What the variant has on one architecture only.
		if own := name + "-" + t.arch; isFragment(own) {
			names = append(names, own)
		}
	}
	var texts []string
	for _, name := range names {
		text, err := fragments.ReadFile(fragmentPath(name))
		if err != nil {
			return nil, fmt.Errorf("fragment of %s: %w", spec.name, err)
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

func fragmentPath(name string) string { return "config/" + name + ".config" }

func isFragment(name string) bool {
	_, err := fs.Stat(fragments, fragmentPath(name))
	return err == nil
}

// mergedConfig holds no comments: to reword one changes no kernel's key.
func mergedConfig(t target, spec variantSpec) (string, error) {
	texts, err := fragmentsOf(t, spec)
	if err != nil {
		return "", err
	}
	return mergeFragments(texts...)
}

// mergeFragments drops comments, and of several lines about one symbol keeps
// the last, in its place.
func mergeFragments(texts ...string) (string, error) {
	var lines []string
	last := map[string]int{} // symbol to index of its line
	for _, text := range texts {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			sym, _, ok := configLine(line)
			if !ok {
				if line != "" && !strings.HasPrefix(line, "#") {
					return "", fmt.Errorf("fragment line %q is no configuration", line)
				}
				continue
			}
			if i, seen := last[sym]; seen {
				lines[i] = ""
			}
			last[sym] = len(lines)
			lines = append(lines, line+"\n")
		}
	}
	return strings.Join(lines, ""), nil
}

// configLine splits CONFIG_X=y and "# CONFIG_X is not set". The value of the
// latter is "n", as Kconfig has it.
func configLine(line string) (sym, value string, ok bool) {
	if off, found := strings.CutSuffix(line, " is not set"); found {
		sym, found = strings.CutPrefix(off, "# ")
		return sym, "n", found && strings.HasPrefix(sym, "CONFIG_")
	}
	sym, value, ok = strings.Cut(line, "=")
	return sym, value, ok && strings.HasPrefix(sym, "CONFIG_") && value != ""
}

// checkConfig compares what was asked for with the .config that Kconfig made
// of it, which silently drops what it does not know or what depends on
// something that is off.
func checkConfig(asked, got string) error {
	have := map[string]string{}
	for line := range strings.Lines(got) {
		if sym, value, ok := configLine(strings.TrimSpace(line)); ok {
			have[sym] = value
		}
	}
	var bad []string
	for line := range strings.Lines(asked) {
		line = strings.TrimSpace(line)
		sym, value, ok := configLine(line)
		switch {
		case !ok:
		case have[sym] == "" && value != "n":
			bad = append(bad, fmt.Sprintf("%s: this kernel has no such symbol, or what it depends on is off", line))
		case have[sym] != "" && have[sym] != value:
			bad = append(bad, fmt.Sprintf("%s: it is %s=%s", line, sym, have[sym]))
		}
	}
	if bad != nil {
		return fmt.Errorf("%w:\n  %s", ErrConfig, strings.Join(bad, "\n  "))
	}
	return nil
}
