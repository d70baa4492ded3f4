package oauth

import (
	"fmt"
	"html"
	"strings"
)

// The pages are written without html/template: its templates call methods by name,
// and a program that can do that keeps every method of every type it knows, a tenth
// of its size.

// markup is text that is HTML already.
type markup string

// markupf fills a format of %s and %d. What is not markup is escaped, so that it may
// stand between tags and in quoted attributes.
func markupf(format string, parts ...any) markup {
	safe := make([]any, len(parts))
	for i, p := range parts {
		switch p := p.(type) {
		case markup:
			safe[i] = string(p)
		case int:
			safe[i] = p
		default:
			safe[i] = html.EscapeString(fmt.Sprint(p))
		}
	}
	return markup(fmt.Sprintf(format, safe...))
}

// when gives the markup where the condition holds.
func when(holds bool, m markup) markup {
	if holds {
		return m
	}
	return ""
}

// each joins the markup of each of a list.
func each[T any](list []T, show func(T) markup) markup {
	var b strings.Builder
	for _, one := range list {
		b.WriteString(string(show(one)))
	}
	return markup(b.String())
}
