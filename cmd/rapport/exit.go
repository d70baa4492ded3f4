package main

import (
	"errors"
	"iter"
	"strings"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/fault"
)

// Exit codes. docs/reference/exit-codes.md is made from this table.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitConfig      = 3
	exitDatabase    = 4
	exitKey         = 5
	exitPort        = 6
	exitDisk        = 7
	exitGoogle      = 8
	exitRunning     = 9
	exitInterrupted = 130
)

var exitCodes = []struct {
	code int
	text string
}{
	{exitOK, "It worked."},
	{exitFailure, "It failed for a reason that has no code of its own; or `verify` found a mailbox that is not complete; or `doctor` found something broken."},
	{exitUsage, "Wrong command, flag or argument."},
	{exitConfig, "Wrong settings: each is named on a line of its own."},
	{exitDatabase, "The database cannot be reached or used, or a newer program has written it; or there is no installation where the settings say."},
	{exitKey, "The encryption key is missing or cannot be read, or does not open what is stored."},
	{exitPort, "The port is taken, or may not be used."},
	{exitDisk, "The disk is full, or the data folder cannot be written."},
	{exitGoogle, "Google (or the server in its place) cannot be reached or refuses what was asked; or `sync` or `verify` gave up waiting (`--timeout`)."},
	{exitRunning, "Another `serve` or `demo` runs on the same SQLite database."},
	{exitInterrupted, "Interrupted (Ctrl-C). What was done is kept; run it again to go on. `serve` and `demo` end with 0."},
}

// usageError is a wrong command line.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

var exitOfTrouble = map[app.With]int{
	app.WithConfiguration: exitConfig, app.WithDatabase: exitDatabase, app.WithKey: exitKey,
	app.WithPort: exitPort, app.WithDisk: exitDisk, app.WithGoogle: exitGoogle, app.WithRunning: exitRunning,
}

func exitCode(err error) int {
	var wrong config.Mistakes
	var usage *usageError
	switch code, known := exitOfTrouble[app.WithWhat(err)]; {
	case known:
		return code
	case errors.As(err, &wrong):
		return exitConfig
	case errors.As(err, &usage):
		return exitUsage
	case fault.Is(err, fault.Reconnect), fault.Is(err, fault.Permission), fault.Is(err, fault.Throttled):
		return exitGoogle
	}
	return exitFailure
}

// linesOf gives one line for each mistake in the settings, else one line.
func linesOf(err error) iter.Seq[string] {
	var wrong config.Mistakes
	if errors.As(err, &wrong) {
		return strings.SplitSeq(wrong.Error(), "\n")
	}
	return func(yield func(string) bool) { yield(strings.ReplaceAll(err.Error(), "\n", "; ")) }
}
