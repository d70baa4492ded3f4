package config

import (
	"fmt"
	"reflect"
	"strings"

	"rapport/internal/crm"
)

// Variable is one setting as the reference shows it.
type Variable struct {
	Name, Default, Doc, Example, Group string
	Secret                             bool
}

// Variables lists every setting in the order of the reference.
func Variables() []Variable {
	t := reflect.TypeFor[Config]()
	out := make([]Variable, 0, t.NumField())
	for f := range t.Fields() {
		out = append(out, Variable{
			Name: f.Tag.Get("env"), Default: f.Tag.Get("envDefault"), Doc: f.Tag.Get("doc"),
			Example: f.Tag.Get("example"), Group: f.Tag.Get("group"), Secret: f.Type == reflect.TypeFor[crm.Secret](),
		})
	}
	return out
}

// Markdown is the reference page.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Settings\n\nGenerated from `internal/config`. Settings come from the environment, or from a `.env` file in the working directory (the environment wins).\n" +
		"Everything has a default that works on one machine. Wrong values are all reported at the start, by name, with exit code 3.\n")
	group := ""
	for _, v := range Variables() {
		if v.Group != group {
			group = v.Group
			fmt.Fprintf(&b, "\n## %s\n\n| variable | default | what it does |\n|---|---|---|\n", group)
		}
		def := "–"
		if v.Default != "" {
			def = "`" + v.Default + "`"
		}
		doc := v.Doc
		if v.Secret {
			doc += " Secret."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, def, doc)
	}
	return b.String()
}

// Example is a .env file with every setting commented out.
func Example() string {
	var b strings.Builder
	b.WriteString("# Settings of Rapport. Copy to .env and uncomment what you need.\n# Generated from internal/config; see docs/reference/configuration.md.\n")
	group := ""
	for _, v := range Variables() {
		if v.Group != group {
			group = v.Group
			fmt.Fprintf(&b, "\n# ---- %s ----\n", group)
		}
		value := v.Default
		if value == "" {
			value = v.Example
		}
		fmt.Fprintf(&b, "\n# %s\n#%s=%s\n", v.Doc, v.Name, value)
	}
	return b.String()
}

// Help is the list for a terminal.
func Help() string {
	var b strings.Builder
	for _, v := range Variables() {
		fmt.Fprintf(&b, "  %s", v.Name)
		if v.Default != "" {
			fmt.Fprintf(&b, " (default %s)", v.Default)
		}
		fmt.Fprintf(&b, "\n      %s\n", v.Doc)
	}
	return b.String()
}
