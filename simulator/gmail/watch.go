package gmail

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/front"
)

// watchLife is how long a watch lives.
const watchLife = 7 * 24 * time.Hour

// watch is the push notification client of one Cloud project.
type watch struct {
	topic   string
	labels  []labelNo
	exclude bool
	expires time.Time
}

// notice is a notification that is due.
type notice struct {
	topic   string
	history uint64
}

// wants tells whether a change is one the watch asked for.
func (w *watch) wants(m *mailbox, r *record) bool {
	if len(w.labels) == 0 {
		return true
	}
	touched := slices.ContainsFunc(w.labels, func(n labelNo) bool { return m.sets[r.after].has(n) || m.sets[r.before].has(n) })
	return touched != w.exclude
}

func (m *mailbox) takeDue() []notice {
	due := m.due
	m.due = nil
	return due
}

// notify publishes the newest history id to each topic; Pub/Sub lets one a
// second through.
func (r *Room) notify(m *mailbox, due []notice) {
	if r.pub == nil {
		return
	}
	for i, n := range due {
		if slices.ContainsFunc(due[i+1:], func(o notice) bool { return o.topic == n.topic }) {
			continue
		}
		// A topic that vanished or closed since the watch began loses the
		// notification, as Google's does.
		_, _ = r.pub.Notify(front.GmailPublisher, n.topic, m.account.Email, m.notification(n.history))
	}
}

func (m *mailbox) notification(history uint64) []byte {
	return fmt.Appendf(nil, `{"emailAddress":%q,"historyId":%d}`, m.account.Email, history)
}

type watchRequest struct {
	TopicName           string   `json:"topicName"`
	LabelIDs            []string `json:"labelIds"`
	LabelFilterBehavior string   `json:"labelFilterBehavior"`
	LabelFilterAction   string   `json:"labelFilterAction"`
}

func (r *Room) watch(c *front.Call) (any, error) {
	var body watchRequest
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	if err := r.checkTopic(c, body.TopicName); err != nil {
		return nil, err
	}
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	labels, err := m.resolve(body.LabelIDs)
	old := m.watches[c.Project]
	history := m.history
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	now := r.world.Clock.Now()
	if old != nil && old.topic != body.TopicName && now.Before(old.expires) {
		return nil, invalid("Only one user push notification client allowed per developer (call /stop then try again)")
	}
	if err := r.testTopic(m, body.TopicName, history); err != nil {
		return nil, err
	}
	how := body.LabelFilterBehavior
	if how == "" {
		how = body.LabelFilterAction
	}
	w := &watch{topic: body.TopicName, labels: labels, exclude: strings.EqualFold(how, "exclude"), expires: now.Add(watchLife)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watches[c.Project] = w
	return map[string]string{"historyId": strconv.FormatUint(history, 10), "expiration": strconv.FormatInt(w.expires.UnixMilli(), 10)}, nil
}

// checkTopic refuses topics of other projects than the OAuth client's.
func (r *Room) checkTopic(c *front.Call, topic string) error {
	client, err := r.world.Clients.Get(c.Client)
	if err != nil {
		return fmt.Errorf("client of the token: %w", err)
	}
	parts := strings.Split(topic, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "topics" || parts[3] == "" || !client.OfProject(parts[1]) {
		return invalid("Invalid topicName does not match projects/" + client.ProjectID + "/topics/*")
	}
	return nil
}

// testTopic publishes the first notification, which is how Gmail finds out
// whether it may.
func (r *Room) testTopic(m *mailbox, topic string, history uint64) error {
	err := front.ErrNoTopic
	if r.pub != nil {
		err = r.pub.Publish(front.GmailPublisher, topic, m.notification(history), nil)
	}
	head := "Error sending test message to Cloud PubSub " + topic + " : "
	switch {
	case errors.Is(err, front.ErrNoTopic):
		e := notFound()
		e.Message = head + "Resource not found (resource=" + topic[strings.LastIndexByte(topic, '/')+1:] + ")."
		return e
	case errors.Is(err, front.ErrNotPublisher):
		return forbidden(head + "User not authorized to perform this action.")
	}
	return err
}

func (r *Room) stop(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		delete(m.watches, c.Project)
		return nil, nil
	})
}
