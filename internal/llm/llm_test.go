package llm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/fault"
	"rapport/internal/llm"
)

// each runs a test against a server of every provider.
func each(t *testing.T, test func(t *testing.T, s *server)) {
	for _, p := range enrich.Providers {
		t.Run(p, func(t *testing.T) { test(t, serve(t, p)) })
	}
}

func TestAskingForAShape(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		m := s.model()
		require.Equal(t, s.provider+"/a-model", m.Name())
		got, err := m.Ask(t.Context(), ask)
		require.NoError(t, err)
		require.JSONEq(t, `{"title":"Head of Lamps"}`, string(got))
		require.Len(t, s.questions(), 1)
		q := s.questions()[0]
		require.Equal(t, ask.Instructions, q.system)
		require.Equal(t, ask.Text, q.user, "the text goes as it is, and nothing with it")
		require.JSONEq(t, string(shape), string(q.schema))
		require.Equal(t, "Rapport/test", q.header.Get("User-Agent"))
		require.NotContains(t, q.body, apiKey)
		keys := q.header.Get("Authorization") + q.header.Get("X-Api-Key") + q.header.Get("X-Goog-Api-Key")
		require.Contains(t, []string{"Bearer " + apiKey, apiKey}, keys, "the key goes once, in the provider's own header")
	})
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		m := s.model()
		for name, text := range map[string]string{
			"not JSON": "Sure! The title is Head of Lamps.", "no value": "", "another shape": `{"name":"Mara"}`, "another type": `{"title":7}`,
			"more than asked for": `{"title":"x","delete_all":true}`, "a list": `[]`, "null": `null`, "half": `{"title":`, "two": `{"title":"x"}{"title":"y"}`,
		} {
			s.say(text)
			_, err := m.Ask(t.Context(), ask)
			requireFault(t, err, fault.Invalid, enrich.CodeGarbled, name)
			require.False(t, fault.Passing(err), name)
		}
		for name, body := range map[string]string{
			"cut off": cuts[s.provider], "no envelope": `[]`, "empty": `{}`, "a page": "<html>Welcome to the hotel</html>", "nothing": "",
			"too long": s.answer(`{"title":"` + strings.Repeat("x", 2<<20) + `"}`),
		} {
			s.do(says(200, body))
			_, err := m.Ask(t.Context(), ask)
			requireFault(t, err, fault.Invalid, enrich.CodeGarbled, name)
		}
		s.do(says(200, refusals[s.provider]))
		_, err := m.Ask(t.Context(), ask)
		requireFault(t, err, fault.Invalid, enrich.CodeRefused, "refusal")
	})
}

func TestToolsThatNobodyOffered(t *testing.T) {
	s := serve(t, enrich.OpenAI)
	s.do(says(200, `{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"send_mail","arguments":"{}"}}]}}]}`))
	_, err := s.model().Ask(t.Context(), ask)
	requireFault(t, err, fault.Invalid, enrich.CodeGarbled, "")
}

func TestRefusalsOfTheProvider(t *testing.T) {
	in := func(name, value string) http.Header { return http.Header{name: {value}} }
	for _, test := range []struct {
		name   string
		status int
		header http.Header
		body   string
		kind   fault.Kind
		code   string
		after  time.Duration
	}{
		{"seconds", 429, in("Retry-After", "7"), `{"error":{"code":"rate_limit_exceeded"}}`, fault.Throttled, "model_rate_limited", 7 * time.Second},
		{"a date", 429, in("Retry-After", noon.Add(90*time.Second).Format(http.TimeFormat)), ``, fault.Throttled, "model_rate_limited", 90 * time.Second},
		{"milliseconds", 429, in("Retry-After-Ms", "1500"), ``, fault.Throttled, "model_rate_limited", 1500 * time.Millisecond},
		{"a date that is over", 429, in("Retry-After", noon.Add(-time.Hour).Format(http.TimeFormat)), ``, fault.Throttled, "model_rate_limited", 0},
		{"for ever", 429, in("Retry-After", "999999999999"), ``, fault.Throttled, "model_rate_limited", time.Hour},
		{"Google's way", 429, nil, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}`, fault.Throttled, "model_rate_limited", 34 * time.Second},
		{"nobody says how long", 429, nil, `no`, fault.Throttled, "model_rate_limited", 0},
		{"no credit", 429, nil, `{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}`, fault.Blocked, "model_no_credit", 0},
		{"no credit by status", 402, nil, ``, fault.Blocked, "model_no_credit", 0},
		{"key", 401, nil, `{"error":{"type":"authentication_error"}}`, fault.Forbidden, "model_key_refused", 0},
		{"key may not", 403, nil, `{"error":{"type":"permission_error"}}`, fault.Forbidden, "model_key_refused", 0},
		{"Google's word for a wrong key", 400, nil, `{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}`, fault.Forbidden, "model_key_refused", 0},
		{"no such model", 404, nil, `{"error":{"code":"model_not_found"}}`, fault.NotFound, "model_unknown", 0},
		{"a question it does not know", 400, nil, `{"error":{"type":"invalid_request_error"}}`, fault.Blocked, "model_request_refused", 0},
		{"elsewhere", 307, in("Location", "http://127.0.0.1:1/"), ``, fault.Blocked, "model_request_refused", 0},
		{"broken", 500, nil, `oops`, fault.Unavailable, "model_unavailable", 0},
		{"overloaded", 529, in("Retry-After", "20"), `{"error":{"type":"overloaded_error"}}`, fault.Unavailable, "model_unavailable", 20 * time.Second},
		{"a gateway", 502, nil, `<html>`, fault.Unavailable, "model_unavailable", 0},
		{"slow request", 408, nil, ``, fault.Unavailable, "model_unavailable", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *server) {
				s.do(func(w http.ResponseWriter, r *http.Request) {
					for k, v := range test.header {
						w.Header()[k] = v
					}
					says(test.status, test.body)(w, r)
				})
				_, err := s.model().Ask(t.Context(), ask)
				requireFault(t, err, test.kind, test.code, test.name)
				require.Equal(t, test.after, fault.After(err))
				require.Len(t, s.questions(), 1, "trying again is for others to decide")
			})
		})
	}
}

func TestNothingOfTheTextStandsInAnError(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.do(says(400, `{"error":{"type":"Mara Linden said so","code":"Mara Linden","message":"cannot answer about Mara Linden with `+apiKey+`"}}`))
		_, err := s.model().Ask(t.Context(), ask)
		require.Error(t, err)
		for _, form := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
			require.NotContains(t, form, "Mara")
			require.NotContains(t, form, apiKey)
		}
	})
}

func TestNoAnswer(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		hold := make(chan struct{})
		s.do(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		})
		_, err := s.model(func(m *enrich.ModelSettings) { m.Timeout = 50 * time.Millisecond }).Ask(t.Context(), ask)
		requireFault(t, err, fault.Unavailable, "model_timeout", "the provider takes too long")
		require.True(t, fault.Passing(err))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.model().Ask(ctx, ask)
		require.ErrorIs(t, err, context.Canceled)
		close(hold)

		s.do(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, `{"choices":[`)
		})
		_, err = s.model().Ask(t.Context(), ask)
		requireFault(t, err, fault.Unavailable, "model_unavailable", "the answer breaks off")

		m := s.model()
		s.Close()
		_, err = m.Ask(t.Context(), ask)
		requireFault(t, err, fault.Unavailable, "model_unavailable", "nobody listens")
	})
}

func TestRedirectsDoNotTakeTheKeyAlong(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	each(t, func(t *testing.T, s *server) {
		s.do(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		})
		_, err := s.model().Ask(t.Context(), ask)
		require.Equal(t, fault.Blocked, fault.Of(err))
	})
}

// An address that somebody entered leads to the public internet only, whatever
// its name says.
func TestAddressesThatPeopleEnter(t *testing.T) {
	d := door()
	entered := func(change func(*enrich.ModelSettings)) map[string]string {
		s := enrich.ModelSettings{Provider: enrich.OpenAI, Model: "a-model", Key: crm.NewSecret(apiKey)}
		change(&s)
		_, err := d.Open(s)
		return fields(err)
	}
	for address, wrong := range map[string]bool{
		"https://models.example/v1": false, "https://8.8.8.8/v1": false, "": false,
		"http://models.example/v1": true, "https://127.0.0.1/v1": true, "https://[::1]:9000/v1": true, "https://169.254.169.254/latest": true, "https://10.1.2.3": true,
		"ftp://models.example": true, "models.example/v1": true, "https://user:pass@models.example/v1": true, "https://models.example/v1?key=x": true, "file:///etc/passwd": true,
		"https://models.example/" + strings.Repeat("x", 2000): true,
	} {
		got := entered(func(s *enrich.ModelSettings) { s.BaseURL = address })
		require.Equal(t, wrong, got["base_url"] != "", "%s: %v", address, got)
	}
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Provider, s.Key = enrich.Ollama, crm.Secret{} }), "base_url", "this machine's own Ollama is its operator's")
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Key = crm.Secret{} }), "key")
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Key = crm.NewSecret("two\r\nlines") }), "key")
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Provider = "hal" }), "provider")
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Model = "" }), "model")
	require.Contains(t, entered(func(s *enrich.ModelSettings) { s.Model = "a model\n" }), "model")
	require.Empty(t, entered(func(s *enrich.ModelSettings) { s.Key, s.BaseURL = crm.Secret{}, "https://models.example/v1" }), "a server of one's own may need no key")

	// A name that leads inside is refused when it is dialled.
	s := serve(t, enrich.OpenAI)
	m, err := d.Open(enrich.ModelSettings{Provider: enrich.OpenAI, Model: "a-model", BaseURL: "https://localhost:" + s.URL[strings.LastIndex(s.URL, ":")+1:], Key: crm.NewSecret(apiKey)})
	require.NoError(t, err)
	_, err = m.Ask(t.Context(), ask)
	requireFault(t, err, fault.Forbidden, "address_not_allowed", "")
	require.Empty(t, s.questions())

	// Whoever runs Rapport may allow it.
	m, err = door(func(o *llm.Options) { o.Everywhere = true }).Open(enrich.ModelSettings{Provider: enrich.OpenAI, Model: "a-model", BaseURL: s.URL + "/v1"})
	require.NoError(t, err)
	_, err = m.Ask(t.Context(), ask)
	require.NoError(t, err)
	require.Empty(t, s.questions()[0].header.Get("Authorization"))
}

func FuzzAnswers(f *testing.F) {
	for _, p := range enrich.Providers {
		f.Add((&server{provider: p}).answer(`{"title":"x"}`))
		f.Add(refusals[p])
		f.Add(cuts[p])
	}
	f.Fuzz(func(t *testing.T, body string) {
		each(t, func(t *testing.T, s *server) {
			s.do(says(200, body))
			got, err := s.model().Ask(t.Context(), ask)
			if err == nil && !strings.Contains(string(got), "title") {
				t.Fatalf("%s came through", got)
			}
			if err != nil && fault.Of(err) == fault.Internal {
				t.Fatalf("%v is not classified", err)
			}
		})
	})
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func fields(err error) map[string]string {
	var f *fault.Error
	if err == nil || !asFault(err, &f) {
		return nil
	}
	return f.Fields
}

func requireFault(t *testing.T, err error, kind fault.Kind, code, what string) {
	t.Helper()
	require.Error(t, err, what)
	var f *fault.Error
	require.True(t, asFault(err, &f), "%s: %v", what, err)
	require.Equal(t, kind, f.Kind, "%s: %v", what, err)
	require.Equal(t, code, f.Code, "%s: %v", what, err)
	require.NotEmpty(t, f.Text)
}

func asFault(err error, f **fault.Error) bool { return errors.As(err, f) }
