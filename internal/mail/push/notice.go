package push

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// Notice is one notification: the mailbox of an address has something new.
type Notice struct {
	Address     string // in small letters
	HistoryID   uint64
	PublishedAt time.Time // by Google; zero: unknown
	Via         Mode
}

// Outcome is what became of a notice.
type Outcome string

const (
	Taken   Outcome = "taken"   // a look at the mailbox is due
	Known   Outcome = "known"   // it told nothing new
	Unknown Outcome = "unknown" // nobody here has the mailbox
	Garbled Outcome = "garbled" // it could not be read
	Refused Outcome = "refused" // it was not Pub/Sub's
)

// MostBody bounds the body of a push request.
const MostBody = 64 << 10

// Decode reads the body of a push request, wrapped in Pub/Sub's envelope or
// not. fault.Invalid when it is no notification of Gmail
// (cloud.google.com/pubsub/docs/push; behaviour reference 3.14, 3.15).
func Decode(body []byte, header http.Header) (Notice, error) {
	var envelope struct {
		Message *struct {
			Data        json.RawMessage `json:"data"`
			PublishTime string          `json:"publishTime"`
			Published   string          `json:"publish_time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return Notice{}, fault.New(fault.Invalid, "a notification that is no JSON")
	}
	if envelope.Message == nil {
		return DecodeData(body, moment(header.Get("X-Goog-Pubsub-Publish-Time")), ByPush)
	}
	var text string
	if err := json.Unmarshal(envelope.Message.Data, &text); err != nil {
		return Notice{}, fault.New(fault.Invalid, "a notification without data")
	}
	data, err := Base64(text)
	if err != nil {
		return Notice{}, err
	}
	at := moment(envelope.Message.PublishTime)
	if at.IsZero() {
		at = moment(envelope.Message.Published)
	}
	return DecodeData(data, at, ByPush)
}

// DecodeData reads what Gmail publishes: {"emailAddress","historyId"}, the id
// as a number or as a string.
func DecodeData(data []byte, at time.Time, via Mode) (Notice, error) {
	var said struct {
		EmailAddress string          `json:"emailAddress"`
		HistoryID    json.RawMessage `json:"historyId"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return Notice{}, fault.New(fault.Invalid, "a notification of another kind")
	}
	id, err := strconv.ParseUint(string(bytes.Trim(said.HistoryID, `"`)), 10, 63)
	address := strings.ToLower(strings.TrimSpace(said.EmailAddress))
	if err != nil || id == 0 || !strings.Contains(address, "@") || len(address) > 320 || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == '\uFFFD' }) {
		return Notice{}, fault.New(fault.Invalid, "a notification without an address or a history id")
	}
	return Notice{Address: address, HistoryID: id, PublishedAt: at, Via: via}, nil
}

// Base64 decodes both alphabets, with and without padding: Google's guide and
// its reference differ.
func Base64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "").Replace(strings.TrimSpace(text))
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fault.New(fault.Invalid, "data that is no base64")
	}
	return data, nil
}

func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
