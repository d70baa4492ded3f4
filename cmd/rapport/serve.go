package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/config"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run Rapport",
		Long: "Runs the API, the pages and the syncing. The first start makes the data folder, the database and the encryption key.\n\n" +
			"Settings come from the environment or a .env file; the environment wins:\n\n" + config.Help(),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd) },
	}
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
	return a.Serve(cmd.Context(), l, app.Hooks{Listening: func(ctx context.Context) error {
		a.Welcome(ctx, log)
		return nil
	}})
}
