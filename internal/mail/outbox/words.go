package outbox

import (
	"errors"
	"fmt"
	"time"

	"rapport/internal/fault"
)

const (
	maybeSent  = "Gmail gave no clear answer, and nobody can tell whether it has sent this message."
	lookInSent = "Look in Sent in Gmail. If it is not there, press retry."
)

func recipients(n int) string {
	if n == 1 {
		return "to one recipient"
	}
	return fmt.Sprintf("to %d recipients", n)
}

// waiting puts an error into words after which it is tried again.
func waiting(err error, next, now time.Time) (what, step string) {
	again := "It is tried again by itself in a moment."
	if wait := next.Sub(now); wait >= longPause {
		again = "It is tried again by itself in " + span(wait) + "."
	}
	switch fault.Of(err) {
	case fault.Throttled:
		if next.Sub(now) >= longPause {
			return "Gmail's limit on sending from this account is reached for now.", again
		}
		return "Gmail asks for a pause.", again
	case fault.Unavailable:
		return "Gmail did not answer clearly. Before it is tried again Rapport looks whether it was sent.", again
	}
	return "Something went wrong inside Rapport.", again
}

func span(d time.Duration) string {
	if d < 2*time.Hour {
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d hours", int(d.Round(time.Hour)/time.Hour))
}

// explain puts an error into words after which it is given up.
func explain(err error, passing bool) (what, step string) {
	if passing {
		return "It could not be sent for three days.", "Press retry when Gmail answers again."
	}
	var f *fault.Error
	text := ""
	if errors.As(err, &f) {
		text = f.Text
	}
	switch fault.Of(err) {
	case fault.Reconnect:
		return "Google no longer accepts Rapport's access to this account.", "Reconnect the account, then press retry."
	case fault.Permission:
		return "The permission to send mail is missing.", "Allow sending at Google, then press retry."
	case fault.Blocked:
		return text, "Ask the administrator, then press retry."
	case fault.NotFound, fault.Gone:
		return "The draft is not in Gmail any more: it may have been sent or deleted there.", "Look in Sent in Gmail. If it is not there, write it anew."
	case fault.Invalid:
		if f != nil && len(f.Fields) > 0 {
			return text, "Write it anew."
		}
		return "Gmail does not take this message: an address, an attachment or its size is not accepted.", "Write it anew with other recipients or attachments."
	case fault.Forbidden, fault.Conflict:
		return text, "Ask an administrator of the workspace."
	}
	return "Something went wrong inside Rapport.", "Press retry. If it goes on, tell the operator."
}
