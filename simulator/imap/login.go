package imap

import (
	"encoding/base64"
	"strings"
	"time"

	"rapport/simulator/postal"
)

var (
	errCredentials = no("[AUTHENTICATIONFAILED] Invalid credentials (Failure)")
	errPassword    = no("[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)")
	errDisabled    = no("[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)")
	errCrowded     = no("[ALERT] Too many simultaneous connections. (Failure)")
)

// authenticate is AUTHENTICATE (RFC 3501, 6.2.2) with the initial response or
// without. A refused token is explained in a challenge that the client has to
// answer (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol).
func (x *session) authenticate(args []any) (string, error) {
	if x.account != nil {
		return "", bad("AUTHENTICATE not allowed now.")
	}
	if len(args) == 0 {
		return "", bad("Missing mechanism")
	}
	mechanism, _ := args[0].(string)
	mechanism = strings.ToUpper(mechanism)
	if mechanism != postal.XOAuth2 && mechanism != postal.OAuthBearer && mechanism != "PLAIN" {
		return "", bad("Unsupported authentication mechanism")
	}
	var text string
	if len(args) > 1 {
		text, _ = args[1].(string)
	} else {
		var err error
		if text, err = x.ask(""); err != nil {
			return "", err
		}
	}
	if text == "*" {
		return "", bad("Authentication aborted")
	}
	response, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", bad("Invalid SASL argument.")
	}
	if mechanism == "PLAIN" {
		return "", errPassword
	}
	l, ok := x.server.door.Enter(mechanism, response)
	if !ok {
		if _, err := x.ask(base64.StdEncoding.EncodeToString([]byte(postal.Refusal))); err != nil {
			return "", err
		}
		return "", errCredentials
	}
	if err := x.sit(l); err != nil {
		return "", err
	}
	x.say("* CAPABILITY %s", x.capabilities())
	return l.Email + " authenticated (Success)", nil
}

// ask sends a challenge and reads the line that answers it.
func (x *session) ask(challenge string) (string, error) {
	x.say("+ %s", challenge)
	x.flush()
	line, err := x.lines.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// sit takes one of the seats of an account.
func (x *session) sit(l postal.Login) error {
	a := x.server.account(l.Email)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.settings.Disabled:
		return errDisabled
	case len(a.sessions) >= a.settings.Connections:
		return errCrowded
	case !a.refresh():
		return errCredentials
	}
	a.signIns++
	a.sessions[x] = a.signIns
	x.account, x.login = a, l
	x.server.wg.Add(1)
	go func() {
		defer x.server.wg.Done()
		x.watch()
	}()
	return nil
}

// watch ends the session when its token has run out, also while it waits.
func (x *session) watch() {
	clock := x.server.door.World.Clock
	for {
		moved := clock.Moved()
		left := x.login.Expires.Sub(clock.Now())
		if left <= 0 {
			x.bye(expired)
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-moved:
		case <-timer.C:
		case <-x.done:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
