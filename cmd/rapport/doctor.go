package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"rapport/internal/app"
)

func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Walk the chain from the settings to Google and name what is broken",
		RunE: func(cmd *cobra.Command, _ []string) error { return doctor(cmd) },
	}
	jsonFlag(cmd)
	return cmd
}

func doctor(cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	findings := app.Doctor(cmd.Context(), app.Options{Config: c, Version: version, Log: slog.New(slog.DiscardHandler)})
	broken := false
	for _, f := range findings {
		broken = broken || f.State == "broken"
		if wantsJSON(cmd) {
			continue
		}
		say(cmd, "%-8s %s: %s", f.State, f.Name, f.Text)
		if f.Fix != "" {
			say(cmd, "         → %s", f.Fix)
		}
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
			return err
		}
	}
	if broken {
		return errors.New("something is broken; see above")
	}
	return nil
}
