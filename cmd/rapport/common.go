package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

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
// data. They log errors only, unless asked for more: what they have to say they
// print.
func open(cmd *cobra.Command, mustExist bool) (*app.App, error) {
	c, err := settings(cmd)
	if err != nil {
		return nil, err
	}
	if c.LogLevel == "info" {
		c.LogLevel = "error"
	}
	log := app.NewLogger(c, cmd.ErrOrStderr())
	slog.SetDefault(log)
	return app.Open(cmd.Context(), app.Options{Config: c, Version: version, Log: log, MustExist: mustExist})
}

// with opens the program, does something with it and closes it.
func with(do func(cmd *cobra.Command, a *app.App) error) func(*cobra.Command, []string) error {
	return opened(false, do)
}

// within is with for commands that make no sense without an installation: they
// do not make one.
func within(do func(cmd *cobra.Command, a *app.App) error) func(*cobra.Command, []string) error {
	return opened(true, do)
}

func opened(mustExist bool, do func(cmd *cobra.Command, a *app.App) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		a, err := open(cmd, mustExist)
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		return do(cmd, a)
	}
}

// timeoutFlag adds --timeout, for commands that wait for Google.
func timeoutFlag(cmd *cobra.Command) {
	cmd.Flags().Duration("timeout", time.Minute, "give up when nothing has moved for so long; 0: never")
}

// wantsPatience hands --timeout to the program.
func wantsPatience(cmd *cobra.Command, a *app.App) error {
	d, err := cmd.Flags().GetDuration("timeout")
	if err != nil || d < 0 {
		return usage("--timeout must be a duration like 60s, or 0")
	}
	a.Patience = d
	return nil
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
