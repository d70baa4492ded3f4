package enrich

import (
	"context"

	"rapport/internal/enrich/signature"
)

// Engine finds what stands in a message.
type Engine interface {
	// Name is how evidence names it.
	Name() string
	// Extract reads one message. Faults are those of Model.
	Extract(ctx context.Context, m signature.Message) (signature.Found, error)
}

// Modes of a workspace.
const (
	ModeRules = "rules" // on this machine alone
	ModeModel = "model"
	ModeBoth  = "both"
)

// Modes in the order they are offered in.
var Modes = []string{ModeRules, ModeModel, ModeBoth}

// RulesName is the name of the engine that needs nobody.
const RulesName = "rules"

// rules is the engine that works on this machine.
type rules struct {
	extract func(signature.Message) signature.Found
}

func (rules) Name() string { return RulesName }

func (r rules) Extract(_ context.Context, m signature.Message) (signature.Found, error) {
	return r.extract(m), nil
}

// Rules makes an engine of a pure function.
func Rules(extract func(signature.Message) signature.Found) Engine { return rules{extract} }

// found is what one engine saw.
type found struct {
	engine string
	signature.Found
}

// read asks the engines, the rules first. An error is that of the model; what the
// rules found is good nevertheless.
func read(ctx context.Context, engines []Engine, m signature.Message) (all []found, err error) {
	for _, e := range engines {
		f, failed := e.Extract(ctx, m)
		if failed != nil {
			err = failed
			continue
		}
		all = append(all, found{e.Name(), f})
	}
	return all, err
}

// seen is a value with the engine that saw it.
type seen struct {
	signature.Value
	engine string
}

// agree joins what engines found: what both saw is surer than what one did, and of
// two answers to the same question the surer one counts.
func agree(all []found) []seen {
	var out []seen
	for _, f := range all {
		for _, v := range f.Values {
			if v.Value == "" {
				continue
			}
			at := indexOf(out, func(s seen) bool { return s.Field == v.Field && same(v.Field, s.Value.Value, v.Value) })
			if at < 0 {
				out = append(out, seen{v, f.engine})
				continue
			}
			if out[at].engine != f.engine {
				out[at].Confidence = 1 - (1-out[at].Confidence)*(1-v.Confidence)
			}
		}
	}
	return best(out)
}

// best keeps one value of each field that has one, the surest; of equally sure
// ones the first.
func best(list []seen) []seen {
	var out []seen
	for _, s := range list {
		at := -1
		if !many(s.Field) {
			at = indexOf(out, func(o seen) bool { return o.Field == s.Field })
		}
		switch {
		case at < 0:
			out = append(out, s)
		case s.Confidence > out[at].Confidence:
			out[at] = s
		}
	}
	return out
}

func indexOf[T any](list []T, is func(T) bool) int {
	for i, v := range list {
		if is(v) {
			return i
		}
	}
	return -1
}

// many reports whether a record has several values of a field.
func many(field string) bool { return field == signature.FieldPhone }
