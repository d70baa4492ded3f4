package main

import (
	"github.com/spf13/cobra"

	"rapport/internal/app"
)

func migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date",
		Long: "Brings the database up to date, under a lock. `serve` does the same at its start.",
		RunE: with(func(cmd *cobra.Command, a *app.App) error {
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), map[string]int64{"version": a.Store.Version()})
			}
			say(cmd, "The database is up to date (version %d).", a.Store.Version())
			return nil
		}),
	}
	jsonFlag(cmd)
	return cmd
}
