package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/store"
)

// plainImport is what a straightforward program does: Google's client, a get
// for each message, rows in batches.
func plainImport(ctx context.Context, t importTask, s *store.Store, c crm.Connection) error {
	svc, err := plainClient(ctx, t.Google, t.Token)
	if err != nil {
		return err
	}
	refs := make(chan string, 500)
	messages := make(chan *gmail.Message, 100)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(refs)
		return svc.Users.Messages.List("me").MaxResults(500).Pages(ctx, func(page *gmail.ListMessagesResponse) error {
			for _, m := range page.Messages {
				select {
				case refs <- m.Id:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	var getting sync.WaitGroup
	for range 10 {
		getting.Add(1)
		work.Go(func() error {
			defer getting.Done()
			for id := range refs {
				m, err := svc.Users.Messages.Get("me", id).Format("full").Context(ctx).Do()
				if err != nil {
					return err
				}
				select {
				case messages <- m:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	go func() { getting.Wait(); close(messages) }()
	work.Go(func() error { return plainStore(ctx, s, c, messages) })
	return work.Wait()
}

func plainClient(ctx context.Context, google, token string) (*gmail.Service, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 10 // or it would open a connection for each call
	client := &http.Client{Transport: &oauth2.Transport{Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), Base: transport}}
	svc, err := gmail.NewService(ctx, option.WithHTTPClient(client), option.WithEndpoint(google+"/"))
	if err != nil {
		return nil, fmt.Errorf("making Google's client: %w", err)
	}
	return svc, nil
}

func plainStore(ctx context.Context, s *store.Store, c crm.Connection, messages <-chan *gmail.Message) error {
	k := mail.Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: crm.StreamGmailBackfill}
	from, err := s.Load(ctx, k)
	if err != nil {
		return err
	}
	var batch []engine.Change[mail.Item]
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := s.Apply(ctx, k, from, engine.Batch[mail.Item]{Changes: batch, At: from})
		batch = batch[:0]
		return err
	}
	for m := range messages {
		e := mail.ParseMessage(plainMessage(m))
		batch = append(batch, change(e, c))
		if len(batch) == 100 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// plainMessage is Google's type turned into ours.
func plainMessage(m *gmail.Message) *mail.Message {
	return &mail.Message{
		ID: m.Id, ThreadID: m.ThreadId, Labels: m.LabelIds, Snippet: m.Snippet, HistoryID: m.HistoryId,
		InternalDate: time.UnixMilli(m.InternalDate), Size: m.SizeEstimate, Payload: plainPart(m.Payload),
	}
}

func plainPart(p *gmail.MessagePart) mail.Part {
	out := mail.Part{ID: p.PartId, MIME: p.MimeType, Filename: p.Filename}
	for _, h := range p.Headers {
		out.Headers = append(out.Headers, mail.Header{Name: h.Name, Value: h.Value})
	}
	if p.Body != nil {
		out.Size, out.AttachmentID = p.Body.Size, p.Body.AttachmentId
		out.Body, _ = base64.URLEncoding.DecodeString(p.Body.Data) // the simulator's are whole
	}
	for _, sub := range p.Parts {
		out.Parts = append(out.Parts, plainPart(sub))
	}
	return out
}

// mailboxFacts is what a mailbox looks like from outside.
type mailboxFacts struct {
	messages  int
	kilobytes float64  // of an average answer in format full
	sample    [][]byte // answers, spread over the mailbox
}

// look lists a mailbox and reads some of its messages.
func (g *gmailSim) look(ctx context.Context, token string) (mailboxFacts, error) {
	var f mailboxFacts
	svc, err := plainClient(ctx, g.url, token)
	if err != nil {
		return f, err
	}
	var ids []string
	err = svc.Users.Messages.List("me").MaxResults(500).Pages(ctx, func(p *gmail.ListMessagesResponse) error {
		for _, m := range p.Messages {
			ids = append(ids, m.Id)
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	f.messages = len(ids)
	size := 0
	for i := 0; i < len(ids); i += max(1, len(ids)/200) {
		b, err := g.answer(ctx, token, "/gmail/v1/users/me/messages/"+ids[i]+"?format=full")
		if err != nil {
			return f, err
		}
		size += len(b)
		f.sample = append(f.sample, b)
	}
	f.kilobytes = float64(size) / float64(max(len(f.sample), 1)) / 1000
	return f, nil
}
