package vault

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fernet/fernet-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/crm"
)

// Keys and texts of the published Fernet specification (github.com/fernet/spec,
// verify.json and invalid.json).
const (
	specKey  = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	specText = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
)

func sealer(t *testing.T, keys ...string) *Sealer {
	t.Helper()
	s, err := NewSealer(crm.NewSecret(strings.Join(keys, ",")))
	require.NoError(t, err)
	return s
}

func newKey(t *testing.T) string {
	t.Helper()
	k, err := NewKey()
	require.NoError(t, err)
	return k.Reveal()
}

func TestThePublishedVectorOpens(t *testing.T) {
	msg, err := decrypt(sealer(t, specKey).keys, specText)
	require.NoError(t, err)
	require.Equal(t, "hello", string(msg))
}

func TestThePublishedInvalidVectorsDoNotOpen(t *testing.T) {
	keys := sealer(t, specKey).keys
	for what, text := range map[string]string{
		"incorrect mac":      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
		"too short":          "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
		"invalid base64":     "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
		"payload size wrong": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
		"payload padding":    "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
		"incorrect IV":       "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
		"very short payload": "gAAAAABdnQ1TUKh2OE_ggbyCIxfg",
		"super short":        "gAAA",
		"trailing garbage":   specText + "!!!",
		"empty":              "",
	} {
		_, err := decrypt(keys, text)
		require.ErrorIs(t, err, ErrNoKey, what)
	}
}

func TestASealedValueOpensOnlyInItsPlace(t *testing.T) {
	s := sealer(t, newKey(t))
	text, err := s.Seal("row-1", "access_token", crm.NewSecret("ya29.x"))
	require.NoError(t, err)
	require.NotContains(t, text, "ya29.x")
	got, err := s.Open("row-1", "access_token", text)
	require.NoError(t, err)
	require.Equal(t, "ya29.x", got.Reveal())
	for _, place := range [][2]string{{"row-2", "access_token"}, {"row-1", "refresh_token"}, {"row-1\x00", "access_token"}} {
		_, err := s.Open(place[0], place[1], text)
		require.ErrorIs(t, err, ErrMisplace)
	}
}

func TestTheFirstKeyEncryptsAllDecrypt(t *testing.T) {
	oldKey, key := newKey(t), newKey(t)
	old, err := sealer(t, oldKey).Seal("r", "f", crm.NewSecret("v"))
	require.NoError(t, err)
	both := sealer(t, key, oldKey)
	got, err := both.Open("r", "f", old)
	require.NoError(t, err)
	require.Equal(t, "v", got.Reveal())
	require.False(t, both.Current("r", "f", old))
	fresh, err := both.Seal("r", "f", got)
	require.NoError(t, err)
	require.True(t, both.Current("r", "f", fresh))
	_, err = sealer(t, oldKey).Open("r", "f", fresh)
	require.ErrorIs(t, err, ErrNoKey)
}

func TestABadKeyIsNamedByItsPlaceAndNeverShown(t *testing.T) {
	for _, list := range []string{"", " , ", "short", newKey(t) + ",not-a-key-9f8e"} {
		_, err := NewSealer(crm.NewSecret(list))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "9f8e")
	}
	_, err := NewSealer(crm.NewSecret(newKey(t) + ",not-a-key"))
	require.ErrorContains(t, err, "key 2")
	require.NotContains(t, fmt.Sprintf("%+v %#v %s", crm.NewSecret("hush"), crm.NewSecret("hush"), crm.NewSecret("hush")), "hush")
}

func TestSealingKeepsEveryValue(t *testing.T) {
	s := sealer(t, newKey(t))
	rapid.Check(t, func(t *rapid.T) {
		row, field, value := rapid.StringN(0, 40, -1).Draw(t, "row"), rapid.String().Draw(t, "field"), rapid.String().Draw(t, "value")
		text, err := s.Seal(row, field, crm.NewSecret(value))
		require.NoError(t, err)
		got, err := s.Open(row, field, text)
		require.NoError(t, err)
		require.Equal(t, value, got.Reveal())
	})
}

func BenchmarkOpen(b *testing.B) {
	var k fernet.Key
	require.NoError(b, k.Generate())
	s := &Sealer{[]*fernet.Key{&k}}
	text, _ := s.Seal("0198c0de-0000-7000-8000-000000000001", fieldAccess, crm.NewSecret("ya29."+strings.Repeat("x", 200)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Open("0198c0de-0000-7000-8000-000000000001", fieldAccess, text); err != nil {
			b.Fatal(err)
		}
	}
}
