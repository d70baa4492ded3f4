package main

import (
	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/mail/export"
)

func reparseCommand() *cobra.Command {
	connection, fresh := "", false
	cmd := &cobra.Command{
		Use: "reparse", Short: "Read stored mail again with the parser of this version",
		Long: "Reads what was kept of Google's answers again and stores what comes out differently. Google is asked nothing. " +
			"Messages of which nothing was kept stay as they are. Interrupted, it goes on where it stopped.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error {
			list, err := a.Targets(cmd.Context(), connection)
			if err != nil {
				return err
			}
			type row struct {
				Connection crm.ConnectionID `json:"connection_id"`
				Email      string           `json:"google_email"`
				export.Reparsed
			}
			rows := []row{}
			for _, c := range list {
				bar := newProgress(cmd, c.GoogleEmail)
				got, err := a.Export.Reparse(cmd.Context(), c, fresh, func(n, total int64) { bar.set(n, total, "") })
				bar.end()
				if err != nil {
					return err
				}
				rows = append(rows, row{c.ID, c.GoogleEmail, got})
				if !wantsJSON(cmd) {
					say(cmd, "%s: %d messages read again, %d changed, %d could not be read, %d without Google's answer", c.GoogleEmail, got.Read, got.Changed, got.Failed, got.Without)
				}
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&connection, "connection", "", "id or address of one mailbox; default: all that sync")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "begin anew where an earlier one was interrupted")
	jsonFlag(cmd)
	return cmd
}
