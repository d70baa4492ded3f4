package app

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"

	"rapport/internal/config"
)

// NewLogger makes the log that the settings ask for. What looks like a secret is
// blacked out, whoever wrote it there.
func NewLogger(c *config.Config, out io.Writer) *slog.Logger {
	var level slog.Level
	// check has made sure of the value.
	_ = level.UnmarshalText([]byte(c.LogLevel))
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: blackOut}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// secrets are access and refresh tokens and client secrets of Google, our own
// keys and bearer tokens, and what travels in addresses and forms.
var secrets = regexp.MustCompile(`ya29\.[\w.-]+|1//[\w-]+|GOCSPX-[\w-]+|rpt_[\w-]{8,}|eyJ[\w-]+\.[\w-]+\.[\w-]*|\b(code|state|token|access_token|refresh_token|client_secret|password)=[^&\s"]+|://[^/\s:@]+:[^/\s@]+@`)

func blackOut(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(secrets.ReplaceAllString(a.Value.String(), "[redacted]"))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(secrets.ReplaceAllString(err.Error(), "[redacted]"))
		} else if s, ok := a.Value.Any().(fmt.Stringer); ok {
			a.Value = slog.StringValue(secrets.ReplaceAllString(s.String(), "[redacted]"))
		}
	}
	return a
}
