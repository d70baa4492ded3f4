package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
)

const noConnections = "No connection syncs: nobody has connected a Google account, or all are paused or wait for something. The integrations page says more."

type syncFlags struct {
	connection   string
	full, dryRun bool
}

func syncCommand() *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use: "sync", Short: "Sync mailboxes now and wait for the end",
		Long: "Syncs mailboxes now and waits for the end. A server on the same database may be running: the work is done once, by either. Interrupted, it goes on where it stopped.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error {
			if err := wantsPatience(cmd, a); err != nil {
				return err
			}
			if f.dryRun {
				return previewAll(cmd, a, f)
			}
			return syncAll(cmd, a, f)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.connection, "connection", "", "id or address of one connection; default: all that sync")
	flags.BoolVar(&f.full, "full", false, "read everything that is chosen again, instead of what has changed")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would be fetched")
	timeoutFlag(cmd)
	jsonFlag(cmd)
	return cmd
}

func syncAll(cmd *cobra.Command, a *app.App, f syncFlags) error {
	list, err := a.Targets(cmd.Context(), f.connection)
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
	var failed error
	var runs []crm.Run
	for _, c := range list {
		bar := newProgress(cmd, c.GoogleEmail)
		done, err := a.SyncNow(cmd.Context(), c, f.full, func(r crm.Run, waits string) { bar.set(app.Done(r), r.Total, waits) })
		bar.end()
		if err != nil {
			return err
		}
		for _, r := range done {
			if !wantsJSON(cmd) {
				say(cmd, "%s %s: %s; %d added, %d updated, %d deleted, %d failed, %s", c.GoogleEmail, r.Stream, r.State,
					r.Counts.Added, r.Counts.Updated, r.Counts.Deleted, r.Counts.Failed, took(r))
			}
			if r.State == crm.RunFailed || r.State == crm.RunCancelled {
				failed = &app.Trouble{With: app.WithGoogle, Text: c.GoogleEmail + ": " + whyNot(cmd.Context(), a, r)}
			}
		}
		runs = append(runs, done...)
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), runShapes(runs)); err != nil {
			return err
		}
	}
	return failed
}

// whyNot says why a run did not get to its end. A cancelled one was stopped by
// what happened to its connection.
func whyNot(ctx context.Context, a *app.App, r crm.Run) string {
	if r.Error != "" {
		return r.Error
	}
	c, err := a.Store.ConnectionByID(ctx, r.ConnectionID)
	if err != nil || c.StatusReason == "" {
		return "the run was " + string(r.State)
	}
	return c.StatusReason
}

func took(r crm.Run) time.Duration {
	if r.FinishedAt == nil {
		return 0
	}
	return r.FinishedAt.Sub(r.StartedAt).Round(10 * time.Millisecond)
}

type runShape struct {
	ID         crm.RunID        `json:"id"`
	Connection crm.ConnectionID `json:"connection_id"`
	Stream     crm.Stream       `json:"stream"`
	State      crm.RunState     `json:"state"`
	Counts     crm.Counts       `json:"counts"`
	Error      string           `json:"error"`
}

func runShapes(runs []crm.Run) []runShape {
	out := []runShape{}
	for _, r := range runs {
		out = append(out, runShape{r.ID, r.ConnectionID, r.Stream, r.State, r.Counts, r.Error})
	}
	return out
}

func previewAll(cmd *cobra.Command, a *app.App, f syncFlags) error {
	list, err := a.Targets(cmd.Context(), f.connection)
	if err != nil {
		return err
	}
	type row struct {
		Connection crm.ConnectionID `json:"connection_id"`
		Email      string           `json:"google_email"`
		Messages   int64            `json:"messages"`
		Stored     int64            `json:"stored"`
		More       bool             `json:"more"`
		Units      int64            `json:"units"`
		Seconds    int64            `json:"estimated_seconds"`
	}
	rows := []row{}
	for _, c := range list {
		p, err := a.PreviewNow(cmd.Context(), c)
		if err != nil {
			return err
		}
		rows = append(rows, row{c.ID, c.GoogleEmail, p.Messages, p.Stored, p.More, p.Units, int64(p.Takes / time.Second)})
		if !wantsJSON(cmd) {
			say(cmd, "%s: %d messages would be fetched, %d are stored; %d quota units, about %s", c.GoogleEmail, p.Messages, p.Stored, p.Units, p.Takes.Round(time.Second))
		}
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), rows)
	}
	return nil
}
