// Package front is what every Google API of the simulator has in common: it
// finds the method a request means in Google's discovery documents, checks
// parameters and body against them, checks the token and its scopes, charges
// quota, injects faults, writes the request log, and answers in Google's error
// shapes. The APIs themselves ("rooms": gmail, calendar, ...) only hold state
// and answer checked calls.
package front

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Room is one Google API. Adding an API to the simulator is adding a Room.
type Room interface {
	// Name is the API's name in faults and logs: "gmail", "calendar", ...
	Name() string
	// Document is the discovery document (JSON) that requests are checked against.
	Document() []byte
	// Methods maps discovery method ids ("gmail.users.messages.get") to handlers.
	// A method of the document without a handler answers 501 and names itself.
	Methods() map[string]Handler
}

// Handler answers one checked call. The answer is written as JSON; nil means
// 204 with an empty body. An error of type *Error is written in Google's
// envelope, any other error is a 500 backendError.
type Handler func(*Call) (any, error)

// Call is one request (or one part of a batch) after all checks.
type Call struct {
	Method  string     // discovery id, "gmail.users.messages.get"
	Path    url.Values // path parameters: userId, id, ...
	Query   url.Values // query parameters, defaults of the document filled in
	Body    json.RawMessage
	Media   []byte   // uploaded media (multipart, media or resumable upload), nil otherwise
	Type    string   // content type the media was sent with
	Account string   // e-mail address of the token's account
	Scopes  []string // scopes the token holds
	Client  string   // OAuth client id of the token
	Project string   // project number the client belongs to
	Now     time.Time
	Request *http.Request
	Cost    int // quota units charged
}

// Error is a Google API error: HTTP code, message, errors[].reason, status.
type Error struct {
	Code     int    // 404
	Message  string // "Requested entity was not found."
	Reason   string // "notFound"
	Domain   string // "global" when empty
	Status   string // "NOT_FOUND"
	Location string // optional
	Details  []any  // optional error details
	Header   http.Header

	ErrorMessage string // errors[].message where it differs from Message
	LocationType string // "header" when Location is set and this is empty
	ExtendedHelp string // errors[].extendedHelp
}

func (e *Error) Error() string { return e.Message }

// Delivery is how one API tells another that something left an account; the
// mail room implements it, the calendar room will use it for invitations.
type Delivery interface {
	Deliver(m Outgoing) error
}

// Outgoing is one message leaving an account.
type Outgoing struct {
	From string
	To   []string // envelope recipients
	Raw  []byte   // RFC 5322
	Why  string   // send, invite, update, cancel
}

// Raw is an answer that is JSON already. It is written as it is unless the
// request asked for a selection of fields or for indentation.
type Raw []byte

// MarshalJSON makes Raw usable inside other answers.
func (r Raw) MarshalJSON() ([]byte, error) { return r, nil }

// Publisher is how a room announces a change through Pub/Sub; the pubsub room
// implements it, the mail room uses it for users.watch.
type Publisher interface {
	// Publish puts a message on topic ("projects/P/topics/T") as the principal
	// as ("serviceAccount:…"). ErrNoTopic when the topic does not exist,
	// ErrNotPublisher when its policy does not let as publish.
	Publish(as, topic string, data []byte, attributes map[string]string) error
	// Notify is Publish for change notifications about a user: at most one a
	// second for each user and topic, what exceeds that is dropped (false).
	Notify(as, topic, user string, data []byte) (bool, error)
}

// GmailPublisher is the service account Gmail publishes as; topics must grant
// it roles/pubsub.publisher.
const GmailPublisher = "serviceAccount:gmail-api-push@system.gserviceaccount.com"

// Errors of a Publisher.
var (
	ErrNoTopic      = errors.New("topic not found")
	ErrNotPublisher = errors.New("not authorized to publish to the topic")
)
