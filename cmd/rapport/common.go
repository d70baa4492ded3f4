package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/config"
)

// settings reads the environment and the .env file.
func settings(cmd *cobra.Command) (*config.Config, error) {
	file, err := cmd.Flags().GetString("env-file")
	if err != nil {
		return nil, &usageError{err}
	}
	return config.Load(os.Environ(), file)
}

// open builds the program without serving, for the commands that work on its
// data. They log warnings only: what they have to say they print.
func open(cmd *cobra.Command) (*app.App, error) {
	c, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	if c.LogLevel == "info" {
		c.LogLevel = "warn"
	}
	log := app.NewLogger(c, cmd.ErrOrStderr())
	slog.SetDefault(log)
	return app.Open(cmd.Context(), app.Options{Config: c, Version: version, Log: log})
}

// with opens the program, does something with it and closes it.
func with(do func(cmd *cobra.Command, a *app.App) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		a, err := open(cmd)
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		return do(cmd, a)
	}
}

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command) { cmd.Flags().Bool("json", false, "print JSON for scripts") }

func wantsJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// say prints a line.
func say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
}

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
