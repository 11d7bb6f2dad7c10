package kernel

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMergeFragments(t *testing.T) {
	rows := []struct {
		name string
		in   []string
		want string
		say  string // in the error
	}{
		{"comments go", []string{"# why\nCONFIG_A=y\n\n  CONFIG_B=\"x\"\n"}, "CONFIG_A=y\nCONFIG_B=\"x\"\n", ""},
		{"the last wins", []string{"CONFIG_A=y\nCONFIG_B=y\n", "# CONFIG_A is not set\n"}, "CONFIG_B=y\n# CONFIG_A is not set\n", ""},
		{"switched on again", []string{"# CONFIG_A is not set\n", "CONFIG_A=y"}, "CONFIG_A=y\n", ""},
		{"prefixes are other symbols", []string{"CONFIG_A=y\nCONFIG_AB=y\n"}, "CONFIG_A=y\nCONFIG_AB=y\n", ""},
		{"a comment about a symbol", []string{"# CONFIG_A is nice\nCONFIG_B=y\n"}, "CONFIG_B=y\n", ""},
		{"no configuration", []string{"SECCOMP=y\n"}, "", `"SECCOMP=y"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := mergeFragments(row.in...)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err != nil) != (row.say != "") || err != nil && !strings.Contains(err.Error(), row.say) {
				t.Errorf("error %v, want %q", err, row.say)
			}
		})
	}
}

func TestCheckConfig(t *testing.T) {
	got := "#\n# Automatically generated file\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=8\nCONFIG_S=\"+unotify\"\n"
	rows := []struct {
		asked string
		say   string
	}{
		{"CONFIG_A=y", ""},
		{"# CONFIG_B is not set", ""},
		{"# CONFIG_UNKNOWN is not set", ""},
		{"CONFIG_S=\"+unotify\"", ""},
		{"# CONFIG_A is not set", "CONFIG_A=y"},
		{"CONFIG_B=y", "CONFIG_B=n"},
		{"CONFIG_N=16", "CONFIG_N=8"},
		{"CONFIG_UNKNOWN=y", "no such symbol"},
	}
	for _, row := range rows {
		t.Run(row.asked, func(t *testing.T) {
			err := checkConfig(row.asked+"\n", got)
			if row.say == "" && err == nil {
				return
			}
			if row.say == "" || !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), row.asked) || !strings.Contains(err.Error(), row.say) {
				t.Errorf("checkConfig: %v, want %q", err, row.say)
			}
		})
	}
}

// A fragment that a row of variants or targets names must exist.
func TestEveryVariantHasItsFragments(t *testing.T) {
	for _, target := range targets {
		for _, spec := range variants {
			text, err := mergedConfig(target, spec)
			if err != nil || !strings.Contains(text, "CONFIG_SECCOMP_FILTER=y\n") {
				t.Errorf("%s %s: %v, %d bytes", target.arch, spec.name, err, len(text))
			}
		}
	}
}

// What a person is shown says the same as what is built.
func TestConfigHasReasons(t *testing.T) {
	b := new(Builder)
	text, err := b.Config(fakeArch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "# Debian.") {
		t.Error("the reasons are gone")
	}
	shown, err := mergeFragments(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.request(fakeArch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.config, shown); diff != "" {
		t.Errorf("built and shown (-built +shown):\n%s", diff)
	}
}
