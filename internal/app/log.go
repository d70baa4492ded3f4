package app

import (
	"io"
	"log/slog"

	"rapport/internal/config"
)

// NewLogger makes the log that the settings ask for.
func NewLogger(c *config.Config, out io.Writer) *slog.Logger {
	var level slog.Level
	// check has made sure of the value.
	_ = level.UnmarshalText([]byte(c.LogLevel))
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
