package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
)

func enrichCommand() *cobra.Command {
	connection := ""
	cmd := &cobra.Command{
		Use: "enrich", Short: "Read signatures in mail that was not read yet, to fill records",
		Long: "Reads the signatures in all mail of people in the CRM that was not read yet, by the engines that the workspace and the owners of the mailboxes allow, and waits for the end. " +
			"New mail is read by itself. Interrupted, it goes on where it stopped.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error {
			if err := wantsPatience(cmd, a); err != nil {
				return err
			}
			return enrichAll(cmd, a, connection)
		}),
	}
	cmd.Flags().StringVar(&connection, "connection", "", "id or address of one connection; default: all that sync")
	timeoutFlag(cmd)
	jsonFlag(cmd)
	return cmd
}

func enrichAll(cmd *cobra.Command, a *app.App, connection string) error {
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
	var runs []crm.Run
	var failed error
	for _, c := range list {
		if c.Settings.Reading() == crm.ConsentOff {
			if !wantsJSON(cmd) {
				say(cmd, "%s: not read, its owner does not want it", c.GoogleEmail)
			}
			continue
		}
		bar := newProgress(cmd, c.GoogleEmail)
		r, err := a.EnrichNow(cmd.Context(), c, func(r crm.Run, waits string) { bar.set(app.Done(r), r.Total, waits) })
		bar.end()
		if err != nil {
			return err
		}
		runs = append(runs, r)
		if !wantsJSON(cmd) {
			say(cmd, "%s: %s; %d messages read, something found in %d, %d without an answer of the model, %s", c.GoogleEmail, r.State, r.Counts.Seen, r.Counts.Updated, r.Counts.Failed, took(r))
		}
		if r.State == crm.RunFailed || r.State == crm.RunCancelled {
			failed = fmt.Errorf("%s: %s", c.GoogleEmail, whyNot(cmd.Context(), a, r))
		}
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), runShapes(runs)); err != nil {
			return err
		}
	}
	return failed
}
