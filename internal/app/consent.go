package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/fault"
)

// agree is the person in front of the simulator's consent page: they choose an
// account and allow everything. It gives the address of our callback, with the
// code, that the browser is sent to.
func agree(ctx context.Context, authorization, account string) (string, error) {
	form := url.Values{"account": {account}, "decision": {"continue"}, "select_all": {"1"}}
	return sentTo(ctx, http.MethodPost, authorization, form)
}

// sentTo makes a request and gives the address it redirects to.
func sentTo(ctx context.Context, method, address string, form url.Values) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", method, err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := c.Do(r)
	if err != nil {
		return "", fault.New(fault.Unavailable, "the page does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 != 3 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		return "", fmt.Errorf("%s instead of a redirect: %s", answer.Status, text)
	}
	to, err := answer.Location()
	if err != nil {
		return "", fmt.Errorf("reading the redirect: %w", err)
	}
	return to.String(), nil
}
