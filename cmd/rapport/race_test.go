//go:build race

package main

// The program is built like its tests.
func init() { buildFlags = append(buildFlags, "-race") }
