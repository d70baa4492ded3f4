package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/config"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run Rapport",
		Long: "Runs the API, the pages and the syncing. The first start makes the data folder, the database and the encryption key.\n\n" +
			"Settings come from the environment or a .env file; the environment wins:\n\n" + config.Help(),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd) },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usage("%w; settings are variables, as in SERVICE_PORT=8080 rapport serve; see rapport serve --help", err)
	})
	return cmd
}

func serve(cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	log := app.NewLogger(c, cmd.ErrOrStderr())
	slog.SetDefault(log)
	l, err := app.Listen(c)
	if err != nil {
		return err
	}
	release, err := app.Hold(c)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer release()
	a, err := app.Open(cmd.Context(), app.Options{Config: c, Version: version, Log: log})
	if err != nil {
		_ = l.Close()
		return err
	}
	defer func() { _ = a.Close() }()
	context.AfterFunc(cmd.Context(), func() {
		log.Info("stopping: requests and steps under way are finished first; what is left goes on at the next start")
	})
	return a.Serve(cmd.Context(), l, app.Hooks{Listening: func(ctx context.Context) error {
		a.Welcome(ctx, log)
		return nil
	}})
}
