package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
)

func verifyCommand() *cobra.Command {
	var connection string
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare mailboxes with Google, heal gaps, and report",
		Long: "Compares the ids and labels of what is stored with Google's, fetches what is missing, and reports. Ends with 1 when something is missing that is not in the list of failures either.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error {
			if err := wantsPatience(cmd, a); err != nil {
				return err
			}
			return verifyAll(cmd, a, connection)
		}),
	}
	cmd.Flags().StringVar(&connection, "connection", "", "id or address of one connection; default: all that sync")
	timeoutFlag(cmd)
	jsonFlag(cmd)
	return cmd
}

// checkShape is the result for one mailbox.
type checkShape struct {
	Connection   crm.ConnectionID `json:"connection_id"`
	Email        string           `json:"google_email"`
	CheckedAt    time.Time        `json:"checked_at"`
	GoogleCount  int64            `json:"google_count"`
	RapportCount int64            `json:"rapport_count"`
	Missing      int64            `json:"missing"`
	Extra        int64            `json:"extra"`
	Relabelled   int64            `json:"relabelled"`
	Healed       int64            `json:"healed"`
	Unexplained  int64            `json:"unexplained"`
}

func verifyAll(cmd *cobra.Command, a *app.App, connection string) error {
	list, err := a.Targets(cmd.Context(), connection)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), noConnections)
	}
	stop, err := a.Background(cmd.Context())
	if err != nil {
		return err
	}
	defer stop()
	incomplete := false
	rows := []checkShape{}
	for _, c := range list {
		bar := newProgress(cmd, c.GoogleEmail)
		r, err := a.VerifyNow(cmd.Context(), c, func(r crm.Run, waits string) { bar.set(app.Done(r), r.Total, waits) })
		bar.end()
		if err != nil {
			return err
		}
		incomplete = incomplete || r.Unexplained > 0
		rows = append(rows, checkShape{c.ID, c.GoogleEmail, r.CheckedAt.UTC(), r.GoogleCount, r.RapportCount, r.Missing, r.Extra, r.Relabelled, r.Healed, r.Unexplained})
		if !wantsJSON(cmd) {
			say(cmd, "%s: Google has %d, Rapport has %d; %d were missing, %d too many, %d had other labels, %d healed, %d unexplained",
				c.GoogleEmail, r.GoogleCount, r.RapportCount, r.Missing, r.Extra, r.Relabelled, r.Healed, r.Unexplained)
		}
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), rows); err != nil {
			return err
		}
	}
	if incomplete {
		return errors.New("a mailbox is not complete")
	}
	return nil
}
