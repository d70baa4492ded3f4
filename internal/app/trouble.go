package app

import (
	"errors"
	"fmt"
)

// Trouble is an error that keeps the program from working and that an operator
// can do something about. Its text is one line, without secrets.
type Trouble struct {
	With With
	Text string
	Err  error
}

// With is what the trouble is with; it decides the exit code.
type With string

const (
	WithConfiguration With = "configuration"
	WithDatabase      With = "database"
	WithKey           With = "encryption key"
	WithPort          With = "port"
	WithRunning       With = "another program"
	WithDisk          With = "disk"
	WithGoogle        With = "Google"
)

func (t *Trouble) Error() string {
	if t.Err == nil {
		return t.Text
	}
	return t.Text + ": " + t.Err.Error()
}

func (t *Trouble) Unwrap() error { return t.Err }

// WithWhat tells what an error is trouble with, "" when nobody said.
func WithWhat(err error) With {
	var t *Trouble
	if errors.As(err, &t) {
		return t.With
	}
	return ""
}

func trouble(with With, err error, format string, args ...any) error {
	return &Trouble{With: with, Text: fmt.Sprintf(format, args...), Err: err}
}
