package google

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// maxAnswer bounds any answer of Google: a thread of a hundred long messages
// and an attachment of 25 MB in base64 stay below it.
const maxAnswer = 96 << 20

// errTooLarge is the end of an answer above maxAnswer.
var errTooLarge = errors.New("answer larger than any of Google's")

// NewHTTPClient makes the client for all calls: HTTP/1.1 with connections kept
// open (half the CPU of HTTP/2 for this traffic), time-outs, and a bound on the
// size of answers. wrap, which may be nil, adds tracing around the transport.
func NewHTTPClient(wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	var rt http.RoundTripper = bounded{newTransport(), maxAnswer}
	if wrap != nil {
		rt = wrap(rt)
	}
	return &http.Client{Transport: rt, Timeout: 2 * time.Minute, CheckRedirect: noRedirects}
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   128,
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		// Below the quota bandwidth does not matter, unpacking costs as much CPU as
		// everything else we do with a message.
		DisableCompression: true,
		ReadBufferSize:     32 << 10,
	}
}

// noRedirects: none of these APIs redirects, and a token must not travel elsewhere.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// bounded limits the bodies of answers.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &boundedBody{res.Body, b.max}
	return res, nil
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
