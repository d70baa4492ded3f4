package pubsub

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/front"
)

var resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9\-_.~+%]*$`)

func badName(name string) *front.Error {
	if id := last(name); len(id) < 3 || len(id) > 255 || !resourceID.MatchString(id) || strings.HasPrefix(id, "goog") {
		return invalid("You have passed an invalid argument to the service (argument=" + id + ").")
	}
	return nil
}

func (r *Room) createTopic(c *front.Call) (any, error) {
	name := c.Path.Get("name")
	if e := badName(name); e != nil {
		return nil, e
	}
	t, err := r.addTopic(name, c.Body)
	if err != nil {
		return nil, err
	}
	return t.view(), nil
}

func (r *Room) addTopic(name string, body []byte) (*topic, error) {
	config := map[string]any{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &config); err != nil {
			return nil, invalid("Invalid JSON payload received.")
		}
	}
	delete(config, "name")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[name] != nil {
		return nil, exists(name)
	}
	t := &topic{name: name, config: config, policy: json.RawMessage(`{"etag":"ACAB"}`)}
	r.topics[name] = t
	return t, nil
}

// CreateTopic makes a topic, with publishers allowed to publish to it. A topic
// that exists keeps what it has and only gains the publishers.
func (r *Room) CreateTopic(name string, publishers ...string) error {
	if e := badName(name); e != nil {
		return e
	}
	_, _ = r.addTopic(name, nil) // existing: fine
	if len(publishers) == 0 {
		return nil
	}
	policy, err := json.Marshal(iamPolicy{Etag: "BwX", Bindings: []iamBinding{{Role: "roles/pubsub.publisher", Members: publishers}}})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.topics[name].policy = policy
	return nil
}

func (t *topic) view() map[string]any {
	out := map[string]any{"name": t.name}
	for k, v := range t.config {
		out[k] = v
	}
	return out
}

func (r *Room) getTopic(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.topics[c.Path.Get("topic")]
	if t == nil {
		return nil, notFound(c.Path.Get("topic"))
	}
	return t.view(), nil
}

func (r *Room) listTopics(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.topics))
	for name := range r.topics {
		if strings.HasPrefix(name, c.Path.Get("project")+"/") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	page, next := pageOf(c, names)
	out := map[string]any{}
	var list []any
	for _, n := range page {
		list = append(list, r.topics[n].view())
	}
	if len(list) > 0 {
		out["topics"] = list
	}
	if next != "" {
		out["nextPageToken"] = next
	}
	return out, nil
}

// pageOf cuts a page out of names; the page token is the number of names
// before it.
func pageOf(c *front.Call, names []string) (page []string, next string) {
	size, _ := strconv.Atoi(c.Query.Get("pageSize"))
	if size <= 0 {
		size = 100
	}
	from, _ := strconv.Atoi(c.Query.Get("pageToken"))
	from = min(max(from, 0), len(names))
	to := min(from+size, len(names))
	if to < len(names) {
		next = strconv.Itoa(to)
	}
	return names[from:to], next
}

func (r *Room) deleteTopic(c *front.Call) (any, error) {
	name := c.Path.Get("topic")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[name] == nil {
		return nil, notFound(name)
	}
	delete(r.topics, name)
	for _, s := range r.subs {
		if s.topic == name {
			s.topic = "_deleted-topic_"
		}
	}
	return empty, nil
}

func (r *Room) listTopicSubscriptions(c *front.Call) (any, error) {
	name := c.Path.Get("topic")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[name] == nil {
		return nil, notFound(name)
	}
	var names []string
	for _, n := range r.order {
		if s := r.subs[n]; s != nil && s.topic == name {
			names = append(names, n)
		}
	}
	page, next := pageOf(c, names)
	out := map[string]any{}
	if len(page) > 0 {
		out["subscriptions"] = page
	}
	if next != "" {
		out["nextPageToken"] = next
	}
	return out, nil
}

type publishRequest struct {
	Messages []struct {
		Data        string            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		OrderingKey string            `json:"orderingKey"`
	} `json:"messages"`
}

func (r *Room) publish(c *front.Call) (any, error) {
	var req publishRequest
	if err := json.Unmarshal(c.Body, &req); err != nil || len(req.Messages) == 0 {
		return nil, invalid("The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.")
	}
	name := c.Path.Get("topic")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topics[name] == nil {
		return nil, notFound(name)
	}
	messages := make([]*message, 0, len(req.Messages))
	for _, m := range req.Messages {
		data, err := decodeBase64(m.Data)
		if err != nil {
			return nil, invalid("Invalid value at 'messages.data' (TYPE_BYTES), Base64 decoding failed")
		}
		if len(data) == 0 && len(m.Attributes) == 0 {
			return nil, invalid("One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.")
		}
		messages = append(messages, &message{data: data, attributes: m.Attributes, order: m.OrderingKey, published: c.Now})
	}
	ids := make([]string, len(messages))
	for i, m := range messages {
		r.spread(name, m)
		ids[i] = m.id
	}
	return map[string]any{"messageIds": ids}, nil
}

func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// spread gives a message its id and puts it on every subscription of the topic.
func (r *Room) spread(topic string, m *message) {
	m.id = strconv.FormatUint(r.nextID, 10)
	r.nextID++
	r.stats.Published++
	for _, n := range r.order {
		if s := r.subs[n]; s.topic == topic {
			r.offer(s, m)
		}
	}
}

// Publish implements front.Publisher.
func (r *Room) Publish(as, topic string, data []byte, attributes map[string]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.publishAs(as, topic, data, attributes)
}

func (r *Room) publishAs(as, name string, data []byte, attributes map[string]string) error {
	t := r.topics[name]
	if t == nil {
		return front.ErrNoTopic
	}
	if !t.lets(as) {
		return front.ErrNotPublisher
	}
	r.spread(name, &message{data: data, attributes: attributes, published: r.world.Clock.Now()})
	return nil
}

// Notify implements front.Publisher.
func (r *Room) Notify(as, topic, user string, data []byte) (bool, error) {
	now := r.world.Clock.Now()
	k := noticeKey{topic, user}
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.notified[k]; ok && now.Sub(at) < time.Second && !now.Before(at) {
		r.stats.Limited++
		return false, nil
	}
	if err := r.publishAs(as, topic, data, nil); err != nil {
		return false, err
	}
	r.notified[k] = now
	return true, nil
}

type iamPolicy struct {
	Version  int          `json:"version,omitempty"`
	Etag     string       `json:"etag,omitempty"`
	Bindings []iamBinding `json:"bindings,omitempty"`
}

type iamBinding struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
}

var publisherRoles = []string{"roles/pubsub.publisher", "roles/pubsub.editor", "roles/pubsub.admin", "roles/editor", "roles/owner"}

// lets tells whether the policy of a topic lets a principal publish.
func (t *topic) lets(as string) bool {
	var p iamPolicy
	if json.Unmarshal(t.policy, &p) != nil {
		return false
	}
	for _, b := range p.Bindings {
		if slices.Contains(publisherRoles, b.Role) && (slices.Contains(b.Members, as) || slices.Contains(b.Members, "allUsers")) {
			return true
		}
	}
	return false
}

// policyOf finds the policy of a topic or a subscription.
func (r *Room) policyOf(resource string) *json.RawMessage {
	if t := r.topics[resource]; t != nil {
		return &t.policy
	}
	if s := r.subs[resource]; s != nil {
		return &s.policy
	}
	return nil
}

func (r *Room) getPolicy(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.policyOf(c.Path.Get("resource"))
	if p == nil {
		return nil, notFound(c.Path.Get("resource"))
	}
	return front.Raw(*p), nil
}

func (r *Room) setPolicy(c *front.Call) (any, error) {
	var req struct{ Policy *iamPolicy }
	if err := json.Unmarshal(c.Body, &req); err != nil || req.Policy == nil {
		return nil, invalid("Policy is missing.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.policyOf(c.Path.Get("resource"))
	if p == nil {
		return nil, notFound(c.Path.Get("resource"))
	}
	var old iamPolicy
	_ = json.Unmarshal(*p, &old) // written by us
	if req.Policy.Etag != "" && req.Policy.Etag != old.Etag {
		return nil, &front.Error{Code: 409, Status: "ABORTED", Message: "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."}
	}
	r.nextAck++
	req.Policy.Etag = base64.StdEncoding.EncodeToString([]byte("policy" + strconv.FormatUint(r.nextAck, 10)))
	out, err := json.Marshal(req.Policy)
	if err != nil {
		return nil, err
	}
	*p = out
	return front.Raw(out), nil
}

func (r *Room) testPermissions(c *front.Call) (any, error) {
	var req struct{ Permissions []string }
	if err := json.Unmarshal(c.Body, &req); err != nil {
		return nil, invalid("Permissions are missing.")
	}
	return map[string]any{"permissions": req.Permissions}, nil
}
