package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// readFile reads a .env file: NAME=value lines, # comments, an optional leading
// "export", and values in single or double quotes.
func readFile(path string) (map[string]string, Mistakes, error) {
	values := map[string]string{}
	if path == "" {
		return values, nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the settings file: %w", err)
	}
	var mistakes Mistakes
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		name, value, ok := parseLine(line)
		if !ok {
			mistakes = append(mistakes, Mistake{path + " line " + strconv.Itoa(number), "is not NAME=value"})
		} else if name != "" {
			values[name] = value
		}
	}
	return values, mistakes, nil
}

// parseLine gives an empty name for a line that sets nothing.
func parseLine(line string) (name, value string, ok bool) {
	line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
	if line == "" || line[0] == '#' {
		return "", "", true
	}
	name, value, ok = strings.Cut(strings.TrimPrefix(line, "export "), "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !validName(name) {
		return "", "", false
	}
	switch {
	case len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'':
		return name, value[1 : len(value)-1], true
	case len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"':
		value, err := strconv.Unquote(value)
		return name, value, err == nil
	}
	if i := strings.Index(value, " #"); i >= 0 {
		value = strings.TrimSpace(value[:i])
	}
	return name, value, true
}

func validName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
