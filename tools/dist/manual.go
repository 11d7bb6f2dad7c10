package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// command is what the program's "help --json" tells.
type command struct {
	Use, Short, Long, Example string
	Runnable                  bool
	Flags, Persistent         []flag
	Commands                  []command
}

type flag struct {
	Name, Shorthand, Type, Default, Bare, Usage string
}

// manual is a page a command, as cobra writes them, of commands that are made again
// of what the program tells.
func (r *release) manual(program string) ([]file, error) {
	told, err := output(program, "help", "--json")
	if err != nil {
		return nil, err
	}
	var root command
	if err := json.Unmarshal(told, &root); err != nil {
		return nil, fmt.Errorf("%s help --json: %w", program, err)
	}
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := root.cobra()
	c.DisableAutoGenTag = true
	if err := doc.GenManTree(c, &doc.GenManHeader{Date: &r.time, Source: name + " " + r.version, Manual: name}, dir); err != nil {
		return nil, fmt.Errorf("manual: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var pages []file
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		pages = append(pages, file{"share/man/man1/" + e.Name(), 0o644, data})
	}
	return pages, nil
}

func (c *command) cobra() *cobra.Command {
	word, rest, _ := strings.Cut(c.Use, " ")
	made := &cobra.Command{
		Use: strings.TrimSpace(word + " " + escape(rest)), Short: escape(c.Short), Long: paragraphs(c.Long),
		Example: c.Example, // between fences
	}
	if c.Runnable {
		made.Run = func(*cobra.Command, []string) {}
	}
	for _, f := range c.Flags {
		made.Flags().AddFlag(f.pflag())
	}
	for _, f := range c.Persistent {
		made.PersistentFlags().AddFlag(f.pflag())
	}
	for _, sub := range c.Commands {
		if name, _, _ := strings.Cut(sub.Use, " "); name == "help" {
			made.SetHelpCommand(sub.cobra()) // else cobra adds one of its own
			continue
		}
		made.AddCommand(sub.cobra())
	}
	return made
}

func (f *flag) pflag() *pflag.Flag {
	// A page is not as wide as the longest list.
	v := value{text: escape(strings.ReplaceAll(f.Default, ",", ", "))}
	if f.Type == "string" {
		v.text = escape(strconv.Quote(f.Default))
	}
	return &pflag.Flag{Name: f.Name, Shorthand: f.Shorthand, Usage: escape(f.Usage), Value: v, DefValue: v.text, NoOptDefVal: f.Bare}
}

// value is a default that is not for anybody to set. Its type is not "string", as
// cobra would quote what is escaped already.
type value struct{ text string }

func (v value) String() string   { return v.text }
func (v value) Set(string) error { return fmt.Errorf("the flag of a manual is set") }
func (v value) Type() string     { return "told" }

// escape makes Markdown that reads as text does: cobra's pages go through it, and
// what the program says of itself is none.
func escape(text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune("\\`*_{}[]()#+-.!:|&<>~^", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// paragraphs escapes text, and keeps the lines of what is indented in it, which are
// commands.
func paragraphs(text string) string {
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, b := range blocks {
		if strings.HasPrefix(b, " ") || strings.HasPrefix(b, "\t") {
			blocks[i] = "```\n" + b + "\n```"
		} else {
			blocks[i] = escape(b)
		}
	}
	return strings.Join(blocks, "\n\n")
}
