package enrich

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/enrich/signature"
)

func waiting(n int) []Candidate {
	list := make([]Candidate, n)
	for i := range list {
		list[i] = Candidate{Pos: int64(i), People: []int64{1}, Message: signature.Message{Text: fmt.Sprint(i)}}
	}
	return list
}

// What is read on several cores stands in the order of the mail.
func TestRulesReadInOrder(t *testing.T) {
	r := &reader{rules: Rules(func(m signature.Message) signature.Found {
		return signature.Found{Values: []signature.Value{{Field: signature.FieldTitle, Value: m.Text, Line: m.Text}}}
	})}
	for _, n := range []int{0, 1, 3, 100} {
		got, err := (&Service{}).readAll(context.Background(), r, waiting(n))
		require.NoError(t, err)
		require.Len(t, got, n)
		for i, read := range got {
			require.Equal(t, int64(i), read.Pos)
			require.Len(t, read.Found, 1)
			require.Equal(t, fmt.Sprint(i), read.Found[0].Value.Value)
		}
	}
}

// A panic over one text is the step's, which is caught, and not the program's end.
func TestPanicOverATextIsTheCallers(t *testing.T) {
	r := &reader{rules: Rules(func(m signature.Message) signature.Found {
		if m.Text == "7" {
			panic("a text nobody thought of")
		}
		return signature.Found{}
	})}
	require.PanicsWithValue(t, "a text nobody thought of", func() { _, _ = r.readByRules(context.Background(), waiting(20)) })
}
