package outbound_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/outbound"
	"rapport/internal/webhooks"
)

func secret(fill byte) crm.Secret {
	return crm.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(fill), 32))))
}

func message(url string, secrets ...crm.Secret) webhooks.Message {
	if secrets == nil {
		secrets = []crm.Secret{secret('a')}
	}
	return webhooks.Message{URL: url, ID: "0190", At: time.Now(), Body: []byte(`{"type":"webhook.test"}`), Secrets: secrets}
}

func poster(change ...func(*outbound.Options)) *outbound.Poster {
	o := outbound.Options{Everywhere: true, UserAgent: "Rapport/test", Now: time.Now}
	for _, c := range change {
		c(&o)
	}
	return outbound.New(o)
}

func receiver(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s.URL
}

// Every secret signs; the library of the standard verifies with each of them.
func TestSignatures(t *testing.T) {
	verify := func(s crm.Secret, body []byte, h http.Header) error {
		w, err := standardwebhooks.NewWebhook(s.Reveal())
		require.NoError(t, err)
		return w.Verify(body, h)
	}
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ok := verify(secret('a'), body, r.Header) == nil && verify(secret('b'), body, r.Header) == nil && verify(secret('c'), body, r.Header) != nil &&
			verify(secret('a'), append(body, ' '), r.Header) != nil
		if !ok || r.Header.Get("webhook-id") != "0190" || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "Rapport/test" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	answer := poster().Post(context.Background(), message(url, secret('a'), secret('b')))
	require.Equal(t, webhooks.Answer{Status: 200}, answer)
}

func TestAnswers(t *testing.T) {
	var asked atomic.Int32
	now := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/moved":
			w.Header().Set("Location", "/ok")
			w.WriteHeader(http.StatusFound)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/date":
			w.Header().Set("Retry-After", now.Add(time.Hour).Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/odd":
			w.Header().Set("Retry-After", "-5")
			w.WriteHeader(http.StatusBadGateway)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/long":
			_, _ = fmt.Fprint(w, strings.Repeat("é\x00", 1<<20))
		case "/created":
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprint(w, "thanks")
		}
	})
	p := poster(func(o *outbound.Options) { o.Now = func() time.Time { return now } })
	post := func(path string) webhooks.Answer { return p.Post(context.Background(), message(url+path)) }
	require.Equal(t, webhooks.Answer{Status: 201, Body: "thanks"}, post("/created"))
	asked.Store(0)
	moved := post("/moved")
	require.Equal(t, 302, moved.Status)
	require.Contains(t, moved.Trouble, "redirects are not followed")
	require.EqualValues(t, 1, asked.Load(), "a redirect is not followed")
	busy := post("/busy")
	require.Equal(t, 2*time.Minute, busy.After)
	require.Equal(t, "The receiver answered 429 Too Many Requests.", busy.Trouble)
	require.Equal(t, time.Hour, post("/date").After)
	require.Zero(t, post("/odd").After)
	require.Equal(t, 410, post("/gone").Status)
	long := post("/long")
	require.Empty(t, long.Trouble)
	require.LessOrEqual(t, len(long.Body), 2<<10)
	require.NotContains(t, long.Body, "\x00", "PostgreSQL stores no such text")
}

func TestASlowReceiverIsLeft(t *testing.T) {
	hold := make(chan struct{})
	url := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(hold) }) // before the receiver is closed
	answer := poster(func(o *outbound.Options) { o.Timeout = 50 * time.Millisecond }).Post(context.Background(), message(url))
	require.Equal(t, webhooks.Answer{Trouble: "The receiver did not answer in time."}, answer)
}

func TestCertificatesAreVerified(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	answer := poster().Post(context.Background(), message(s.URL))
	require.Equal(t, "The server's certificate is not valid: its authority is not known.", answer.Trouble)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	known := poster(func(o *outbound.Options) { o.Roots = roots })
	require.Equal(t, 200, known.Post(context.Background(), message(s.URL)).Status)
}

func TestWhoIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	require.Equal(t, "The server cannot be reached.", poster().Post(context.Background(), message("http://"+address)).Trouble)
	nameless := poster(func(o *outbound.Options) { o.Resolver = names{} })
	require.Equal(t, "There is no server of this name.", nameless.Post(context.Background(), message("http://crm.example")).Trouble)
}

// names answers look-ups, each time with the next of the answers for a name.
type names map[string][][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	list := n[host]
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	n[host] = append(list[1:], list[0])
	return list[0], nil
}

// The guard judges what a name was resolved to: nobody gets inside by a name, a
// number, a form of IPv6 or a second look.
func TestTheGuard(t *testing.T) {
	var reached atomic.Int32
	inside := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside, "http://"))
	require.NoError(t, err)
	at := func(list ...string) []netip.Addr {
		var out []netip.Addr
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	lookup := names{
		"loopback.example": {at("127.0.0.1")}, "mapped.example": {at("::ffff:127.0.0.1")}, "metadata.example": {at("169.254.169.254")},
		"private.example": {at("10.1.2.3", "192.168.0.9", "172.20.1.1")}, "shared.example": {at("100.64.3.4")}, "nat64.example": {at("64:ff9b::7f00:1")},
		"local.example": {at("fe80::1", "fd00::1", "::1", "::")}, "many.example": {at("224.0.0.1", "ff02::1")},
		"rebinding.example": {at("192.0.2.1"), at("127.0.0.1")},
	}
	guarded := poster(func(o *outbound.Options) { o.Everywhere, o.Resolver, o.Timeout = false, lookup, 2*time.Second })
	for name := range lookup {
		for range 3 { // whatever the name says the next time
			answer := guarded.Post(context.Background(), message("http://"+name+":"+port))
			require.Contains(t, answer.Trouble, "not on the public internet", name)
		}
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "169.254.169.254"} {
		answer := guarded.Post(context.Background(), message("http://"+host+":"+port))
		require.Contains(t, answer.Trouble, "not on the public internet", host)
	}
	for _, host := range []string{"2130706433", "0x7f000001", "017700000001", "127.1"} { // old ways of writing 127.0.0.1 are names to us
		answer := guarded.Post(context.Background(), message("http://"+host+":"+port))
		require.NotEmpty(t, answer.Trouble, host)
	}
	require.Zero(t, reached.Load(), "nobody came inside")
	open := poster(func(o *outbound.Options) { o.Resolver = lookup })
	require.Equal(t, 200, open.Post(context.Background(), message("http://loopback.example:"+port)).Status, "unless the operator allows it")
}

func TestCheck(t *testing.T) {
	guarded := poster(func(o *outbound.Options) { o.Everywhere = false })
	for address, right := range map[string]bool{
		"https://crm.example/hooks": true, "https://crm.example:8443/a?b=c": true, "https://8.8.8.8/": true,
		"http://crm.example": false, "ftp://crm.example": false, "crm.example": false, "": false, "https://": false, "https://u:p@crm.example": false,
		"https://crm.example/#x": false, "https://127.0.0.1/": false, "https://[::1]/": false, "https://10.0.0.1:443/": false, "https://[::ffff:10.0.0.1]/": false,
		"mailto:a@b.example": false, "https://crm.example:0/": false, "https://crm.example:99999/": false, "https://crm.example/\x00": false,
		"https://crm.example/" + strings.Repeat("a", 2000): false,
	} {
		require.Equal(t, right, guarded.Check(address) == "", "%.80q: %s", address, guarded.Check(address))
	}
	require.Empty(t, poster().Check("http://localhost:9000/hooks"))
}
