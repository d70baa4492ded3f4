package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
)

func doctorCommand() *cobra.Command {
	var workspace string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Walk the chain from the settings to Google and name what is broken",
		Long: "Walks the chain from the settings to Google: data folder, database, key, clock, OAuth client, redirect URIs, publishing status, approval, " +
			"each API, the Pub/Sub topic, the way from outside to here. It names the first broken link with what to do about it, and skips what depends on it. " +
			"It changes nothing. The page \"Set-up check\" does the same.",
		RunE: func(cmd *cobra.Command, _ []string) error { return doctor(cmd, crm.WorkspaceID(workspace)) },
	}
	cmd.Flags().StringVar(&workspace, "workspace", "", "id of the workspace, where there are several")
	jsonFlag(cmd)
	return cmd
}

func doctor(cmd *cobra.Command, w crm.WorkspaceID) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	report := app.Doctor(cmd.Context(), app.Options{Config: c, Version: version, Log: slog.New(slog.DiscardHandler)}, w, nil)
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), report); err != nil {
			return err
		}
	}
	var first app.Finding
	for _, f := range report.Findings {
		if f.ID == report.Broken {
			first = f
		}
		if wantsJSON(cmd) {
			continue
		}
		say(cmd, "%-8s %s: %s", f.State, f.Name, f.Text)
		if f.Fix != "" {
			say(cmd, "         → %s", f.Fix)
		}
		if f.ActionURL != "" {
			say(cmd, "           %s", f.ActionURL)
		}
	}
	if report.Broken != "" {
		return errors.New("broken: " + first.Name + ". " + first.Fix)
	}
	return nil
}
