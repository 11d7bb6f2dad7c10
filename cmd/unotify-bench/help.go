package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpCommand is cobra's, but for its status when there is nothing to explain,
// and for --json.
func helpCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "help [command]", Short: "Help about any command",
		Example: "  unotify-bench help kernel build\n  unotify-bench help run --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError("there is no command %q; see unotify-bench --help", strings.Join(args, " "))
			}
			if !asJSON {
				return about.Help()
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(manualOf(about))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the command, its flags and all commands below it as JSON")
	return cmd
}

// manual is all that is said of a command. tools/dist makes the manual's pages of
// it: with cobra/doc in this program, a renderer of Markdown would be in every
// guest, and the commands cannot be had otherwise, as package main is nobody's to
// import.
type manual struct {
	Use        string       `json:"use"`
	Short      string       `json:"short"`
	Long       string       `json:"long,omitempty"`
	Example    string       `json:"example,omitempty"`
	Runnable   bool         `json:"runnable"`
	Flags      []manualFlag `json:"flags,omitempty"`
	Persistent []manualFlag `json:"persistent,omitempty"` // flags that the commands below have, too
	Commands   []manual     `json:"commands,omitempty"`
}

type manualFlag struct {
	Name      string `json:"name"`
	Shorthand string `json:"shorthand,omitempty"`
	Type      string `json:"type"`
	Default   string `json:"default"`
	Bare      string `json:"bare,omitempty"` // what it means without a value
	Usage     string `json:"usage"`
}

func manualOf(c *cobra.Command) manual {
	c.InitDefaultHelpFlag() // cobra adds it to what is executed
	m := manual{
		Use: c.Use, Short: c.Short, Long: c.Long, Example: c.Example, Runnable: c.Runnable(),
		Flags: manualFlags(c.LocalNonPersistentFlags()), Persistent: manualFlags(c.PersistentFlags()),
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			m.Commands = append(m.Commands, manualOf(sub))
		}
	}
	return m
}

func manualFlags(set *pflag.FlagSet) []manualFlag {
	var flags []manualFlag
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		_, usage := pflag.UnquoteUsage(f)
		flags = append(flags, manualFlag{f.Name, f.Shorthand, f.Value.Type(), f.DefValue, f.NoOptDefVal, usage})
	})
	return flags
}
