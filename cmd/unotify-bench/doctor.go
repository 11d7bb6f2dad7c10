package main

import "github.com/spf13/cobra"

func (a *app) doctorCommand() *cobra.Command {
	var peer bool
	var count int
	var source string
	cmd := &cobra.Command{Use: "doctor", RunE: func(cmd *cobra.Command, _ []string) error { return a.peer(cmd.Context(), count, source) }}
	f := cmd.Flags()
	f.BoolVar(&peer, "peer", false, "")
	f.IntVar(&count, "count", 10, "")
	f.StringVar(&source, "source", "", "")
	return cmd
}
