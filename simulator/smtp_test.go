package simulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

func (p *postOffice) submit(email, token, from string, to []string, text string) error {
	c, err := smtp.DialTLS(p.SMTPAddr(), p.tls())
	require.NoError(p.t, err)
	defer func() { _ = c.Close() }()
	if err := c.Auth(&bearer{user: email, token: token}); err != nil {
		return err
	}
	return c.SendMail(from, to, strings.NewReader(text))
}

func TestSmtpSendsAsTheApiDoes(t *testing.T) {
	p := openPost(t)
	text := "From: Somebody <other@chairs.example>\r\nTo: Bela <" + bela + ">\r\nSubject: Ten lamps\r\nMessage-ID: <own@lamps.example>\r\nBcc: x@chairs.example\r\n\r\nHello.\r\n"
	require.NoError(t, p.submit(ada, p.token(ada), "other@chairs.example", []string{bela, "x@chairs.example"}, text))
	sent := p.Mail.Sent()
	require.Len(t, sent, 1)
	require.Equal(t, "send", sent[0].Why)
	require.Equal(t, []string{bela, "x@chairs.example"}, sent[0].To)
	require.Equal(t, "<own@lamps.example>", sent[0].MessageID)
	require.Equal(t, []any{"SENT"}, p.api(ada, "messages/"+sent[0].ID)["labelIds"])
	got := p.api(bela, "messages?q=from:"+ada)["messages"].([]any)
	require.Len(t, got, 1, "From is the account's address")
	raw := p.api(bela, "messages/"+got[0].(map[string]any)["id"].(string)+"?format=full")
	text2, err := json.Marshal(raw)
	require.NoError(t, err)
	require.NotContains(t, string(text2), "Bcc")
	require.Contains(t, string(text2), "X-Google-Original-From")
}

func TestSmtpRefuses(t *testing.T) {
	p := openPost(t)
	err := p.submit(ada, "ya29.nothing", ada, []string{bela}, "x")
	var refused *smtp.SMTPError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 535, refused.Code)
	require.Equal(t, smtp.EnhancedCode{5, 7, 8}, refused.EnhancedCode)
	require.Contains(t, refused.Message, "BadCredentials")

	c, err := smtp.DialStartTLS(p.SubmissionAddr(), p.tls())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	size, ok := c.MaxMessageSize()
	require.True(t, ok)
	require.Equal(t, 35882577, size)
	require.ErrorContains(t, c.Auth(sasl.NewPlainClient("", ada, "secret")), "Application-specific password required")
	require.ErrorContains(t, c.Mail(ada, nil), "Authentication Required")
	require.NoError(t, c.Auth(&bearer{mechanism: "OAUTHBEARER", user: ada, token: p.token(ada)}))
	require.Error(t, c.Mail(ada, &smtp.MailOptions{Size: 40 << 20}))
	require.Error(t, c.SendMail(ada, []string{"nobody"}, strings.NewReader("x")))
}

func TestSmtpSessionsEndWithTheirToken(t *testing.T) {
	p := openPost(t)
	c, err := smtp.DialTLS(p.SMTPAddr(), p.tls())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.Auth(&bearer{user: ada, token: p.token(ada)}))
	p.World.Clock.Advance(2 * time.Hour)
	var said *smtp.SMTPError
	require.ErrorAs(t, c.Mail(ada, nil), &said)
	require.Equal(t, 421, said.Code)
	require.Error(t, c.Noop(), "the connection is closed")
}
