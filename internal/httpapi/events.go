package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
)

// describeEvents documents the stream: its kinds of event and when they come.
func describeEvents(op *huma.Operation) {
	op.Description = "A stream of server-sent events. event is one of ready (at once), mail.arrived, mail.changed (deleted among its data are the ids that are gone), mail.refused (to who made a change: Gmail did not take it, and the labels are as before; reason says why), mail.sending (to the sender: a message of the outbox has another state), mail.shared (somebody sees more of a mailbox, or less: read its lists again), sync.progress, sync.completed, sync.failed, " +
		"connection.granted, connection.needs_reauth, connection.changed, approval.asked (to administrators and who asked), approval.decided, member.changed (to the person, who has another role now), member.removed (to the person), webhook.disabled (to who made it); data is JSON with connection_id, at and data (ids and counts). " +
		"A comment comes every 15 seconds. Private matters go to their owner alone, and ids of messages to those who see them. Read what changed from the API: events may be dropped for a slow reader, and then a ready event tells so.\n\n" + op.Description
	answers("200", "text/event-stream", "Server-sent events")(op)
}

// streamEvents tells a browser what happens, until it goes away.
func (s *Server) streamEvents(_ context.Context, c access.Caller, _ *InWorkspace) (*huma.StreamResponse, error) {
	if !s.listening.enter(c.UserID) {
		return nil, &fault.Error{Kind: fault.Throttled, Code: "too_many_streams", After: s.Heartbeat,
			Text: fmt.Sprintf("You have %d streams of events open already. Close some: one tells everything.", streamsOfOne)}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer s.listening.leave(c.UserID)
		r, w := humago.Unwrap(hc)
		facts, stop := s.Facts.Subscribe(c.Workspace)
		defer stop()
		hc.SetHeader("Content-Type", "text/event-stream")
		hc.SetHeader("Cache-Control", "no-store")
		hc.SetHeader("X-Accel-Buffering", "no")
		hc.SetStatus(http.StatusOK)
		out := eventWriter{w: w, control: http.NewResponseController(w)}
		if out.send("ready", Event{At: s.Now().UTC()}) == nil {
			s.pump(r, c, facts, out)
		}
	}}, nil
}

// streamsOfOne is how many streams a person may have open, by all their tabs and
// keys: each is asked for every message.
const streamsOfOne = 100

// audience counts the open streams of each person.
type audience struct {
	mu sync.Mutex
	of map[crm.UserID]int
}

func (a *audience) enter(u crm.UserID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[u] >= streamsOfOne {
		return false
	}
	if a.of == nil {
		a.of = map[crm.UserID]int{}
	}
	a.of[u]++
	return true
}

func (a *audience) leave(u crm.UserID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[u]--; a.of[u] == 0 {
		delete(a.of, u)
	}
}

// pump passes facts on. It looks whether the reader may still listen, and with what
// role, at each beat, when the reader's role changes, and before it speaks of mail
// when something may have changed who sees it: sessions end, keys are revoked,
// members leave.
func (s *Server) pump(r *http.Request, c access.Caller, facts <-chan fact.Fact, out eventWriter) {
	ctx := r.Context()
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	again, may := false, true
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.Closing:
			return
		case <-beat.C:
			if c, may = s.listener(r, c); !may {
				return
			}
			err = out.comment("beat")
		case f, ok := <-facts:
			if !ok {
				return
			}
			again = again || movesSight(f.Kind)
			if again && strings.HasPrefix(string(f.Kind), "mail.") || f.Kind == fact.MemberChanged && f.UserID == c.UserID {
				again = false
				if c, may = s.listener(r, c); !may {
					return
				}
			}
			if concerns(c, f) {
				err = s.pass(ctx, c, f, out)
			}
			if f.Kind == fact.MemberRemoved && f.UserID == c.UserID {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// movesSight says whether others may see more or less of mail after a fact.
func movesSight(k fact.Kind) bool {
	return k == fact.MemberRemoved || k == fact.MailShared || k == fact.ConnectionChanged || k == fact.ApprovalDecided
}

// pass tells a reader of a fact, of messages only as far as the reader sees them.
func (s *Server) pass(ctx context.Context, c access.Caller, f fact.Fact, out eventWriter) error {
	e := eventShape(f)
	if f.Kind == fact.MailArrived || f.Kind == fact.MailChanged || f.Kind == fact.MailRefused {
		if any, err := s.cut(ctx, c, f, e.Data); err != nil || !any {
			return err
		}
	}
	return out.send(string(f.Kind), e)
}

// cut takes the ids of messages out of an event that the reader does not see, and
// says whether any is left. Their owner sees them all.
func (s *Server) cut(ctx context.Context, c access.Caller, f fact.Fact, data map[string]any) (any bool, err error) {
	var about struct {
		OwnerID crm.UserID    `json:"owner_id"`
		IDs     []crm.EmailID `json:"ids"`
		Deleted []crm.EmailID `json:"deleted"`
	}
	if err := json.Unmarshal(f.Data, &about); err != nil {
		return false, fmt.Errorf("reading a fact: %w", err)
	}
	if f.UserID == c.UserID || about.OwnerID == c.UserID {
		return true, nil
	}
	levels, err := s.Mail.VisibleIDs(ctx, c, about.IDs)
	if err != nil {
		return false, err
	}
	unseen := func(id crm.EmailID) bool { return levels[id] == crm.LevelNone }
	ids := slices.DeleteFunc(about.IDs, unseen)
	data["ids"], data["count"] = ids, len(ids)
	if gone := slices.DeleteFunc(about.Deleted, unseen); len(gone) > 0 {
		data["deleted"] = gone
	} else {
		delete(data, "deleted")
	}
	return len(ids) > 0, nil
}

// listener is who reads a stream as things stand now, and whether they may.
func (s *Server) listener(r *http.Request, c access.Caller) (access.Caller, bool) {
	now, err := s.Org.Authenticate(r.Context(), s.presented(r))
	if err == nil {
		now, err = s.Org.Enter(r.Context(), now, c.Workspace)
	}
	return now, err == nil && access.Allow(now, access.MailRead) == nil
}

// concerns reports whether the caller may hear of a fact: private matters are
// their owner's.
func concerns(c access.Caller, f fact.Fact) bool {
	if f.WorkspaceID != c.Workspace {
		return false
	}
	switch f.Kind {
	case fact.GrantChanged: // between our own processes
		return false
	case fact.RecordCreated, fact.RecordChanged, fact.RecordDeleted, fact.RecordRestored, fact.RecordLinked, fact.RecordSuggested:
		return access.Allow(c, access.RecordsRead) == nil
	case fact.ApprovalAsked: // who waits is shown to those they wait for, and to themselves
		var who struct {
			UserID crm.UserID `json:"user_id"`
		}
		_ = json.Unmarshal(f.Data, &who) // then it is nobody's
		return who.UserID == c.UserID || access.Allow(c, access.WorkspaceManage) == nil
	}
	return f.UserID == "" || f.UserID == c.UserID
}

func eventShape(f fact.Fact) Event {
	e := Event{ConnectionID: string(f.ConnectionID), At: f.At.UTC()}
	_ = json.Unmarshal(f.Data, &e.Data) // nothing to tell but that it happened
	return e
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

const eventDeadline = 10 * time.Second

func (o eventWriter) send(name string, e Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return o.write(fmt.Sprintf("event: %s\ndata: %s\n\n", name, data))
}

func (o eventWriter) comment(text string) error { return o.write(": " + text + "\n\n") }

func (o eventWriter) write(text string) error {
	// A server that cannot set deadlines still streams.
	_ = o.control.SetWriteDeadline(time.Now().Add(eventDeadline))
	if _, err := o.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	return o.control.Flush()
}
