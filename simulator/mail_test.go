package simulator_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/emersion/go-imap/responses"
	"github.com/emersion/go-sasl"
	"github.com/stretchr/testify/require"

	"rapport/simulator"
	"rapport/simulator/control"
)

const (
	ada  = "ada@lamps.example"
	bela = "bela@lamps.example"
)

// postOffice is a simulator that serves IMAP and SMTP.
type postOffice struct {
	*simulator.Simulator
	t *testing.T
}

func openPost(t *testing.T) *postOffice {
	t.Helper()
	const any = "127.0.0.1:0"
	s, err := simulator.New(simulator.Options{Seed: 1, Quota: "none", Now: func() time.Time { return time.Date(2026, 11, 20, 15, 4, 0, 0, time.UTC) },
		Mail:     simulator.MailAddresses{IMAP: any, IMAPPlain: any, SMTP: any, Submission: any},
		Accounts: []simulator.Account{{Email: ada, Name: "Ada Lund"}, {Email: bela, Name: "Bela Kis", Language: "fr"}}})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	return &postOffice{s, t}
}

func (p *postOffice) token(email string, scopes ...string) string {
	p.t.Helper()
	if scopes == nil {
		scopes = []string{"https://mail.google.com/"}
	}
	token, err := p.OAuth.IssueToken(email, "", scopes)
	require.NoError(p.t, err)
	return token
}

func (p *postOffice) tls() *tls.Config {
	pool, err := p.CertPool()
	require.NoError(p.t, err)
	return &tls.Config{RootCAs: pool, ServerName: "imap.gmail.com"}
}

// deliver puts a message into a mailbox and tells its id.
func (p *postOffice) deliver(email, subject string, labels ...string) uint64 {
	p.t.Helper()
	d, err := p.Mail.Deliver(email, control.Message{From: "Zoe <zoe@chairs.example>", Subject: subject, Text: "About " + subject, Labels: labels})
	require.NoError(p.t, err)
	id, err := strconv.ParseUint(d.ID, 16, 64)
	require.NoError(p.t, err)
	return id
}

// control calls the control API.
func (p *postOffice) control(path, body string, want int) string {
	p.t.Helper()
	answer, err := http.Post(p.URL()+"/_sim/"+path, "application/json", strings.NewReader(body))
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	require.Equal(p.t, want, answer.StatusCode, "%s", text)
	return string(text)
}

// bearer is XOAUTH2 and OAUTHBEARER of a client.
type bearer struct {
	mechanism, user, token string
	challenge              []byte
}

func (b *bearer) Start() (string, []byte, error) {
	if b.mechanism == "OAUTHBEARER" {
		return b.mechanism, []byte("n,a=" + b.user + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	return "XOAUTH2", []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

func (b *bearer) Next(challenge []byte) ([]byte, error) {
	b.challenge = challenge
	return []byte{}, nil
}

var _ sasl.Client = (*bearer)(nil)

// reader is a client of IMAP.
type reader struct {
	*client.Client
	t *testing.T
}

func (p *postOffice) dial() *reader {
	p.t.Helper()
	c, err := client.DialTLS(p.IMAPAddr(), p.tls())
	require.NoError(p.t, err)
	c.Timeout = 20 * time.Second
	c.ErrorLog = log.New(io.Discard, "", 0)
	p.t.Cleanup(func() { _ = c.Terminate() })
	return &reader{c, p.t}
}

func (p *postOffice) reader(email string) *reader {
	p.t.Helper()
	r := p.dial()
	require.NoError(p.t, r.Authenticate(&bearer{user: email, token: p.token(email)}))
	return r
}

// bare takes away how strings are written.
var bare = strings.NewReplacer(`"`, "", `\\`, `\`)

// run makes a command as written and returns its untagged answers.
func (r *reader) run(name string, args ...any) []string {
	r.t.Helper()
	lines, status := r.try(name, args...)
	require.Equal(r.t, imap.StatusRespOk, status.Type, "%s %s", status.Code, status.Info)
	return lines
}

func (r *reader) try(name string, args ...any) ([]string, *imap.StatusResp) {
	r.t.Helper()
	fields := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = imap.RawString(s)
		}
		fields[i] = a
	}
	var lines []string
	status, err := r.Execute(&imap.Command{Name: name, Arguments: fields}, responses.HandlerFunc(func(resp imap.Resp) error {
		var b bytes.Buffer
		if d, ok := resp.(*imap.DataResp); ok {
			require.NoError(r.t, d.WriteTo(imap.NewWriter(&b)))
			lines = append(lines, bare.Replace(strings.TrimSpace(b.String())))
			return nil
		}
		if s, ok := resp.(*imap.StatusResp); ok {
			lines = append(lines, fmt.Sprintf("%s [%s %v] %s", s.Type, s.Code, s.Arguments, s.Info))
		}
		return nil
	}))
	require.NoError(r.t, err)
	return lines, status
}

// api asks Gmail's REST API.
func (p *postOffice) api(email, path string) map[string]any {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL()+"/gmail/v1/users/me/"+path, nil)
	require.NoError(p.t, err)
	request.Header.Set("Authorization", "Bearer "+p.token(email))
	answer, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	defer func() { require.NoError(p.t, answer.Body.Close()) }()
	var out map[string]any
	require.NoError(p.t, json.NewDecoder(answer.Body).Decode(&out))
	require.Equal(p.t, 200, answer.StatusCode, "%v", out)
	return out
}
