package accounts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Listening is bounded: each account that is listened to has a connection open.
const (
	listenMost  = 200 // accounts of one process; the others are polled
	listenLook  = 20 * time.Second
	listenLease = 90 * time.Second
	listenPause = time.Minute // after trouble
	listenDeaf  = time.Hour   // before a server that has no IDLE is asked again
)

// silence is the end of listening to an account.
type silence struct {
	id    crm.AccountID
	until time.Time // not to be tried before
}

// Listen waits at mail servers (IDLE) for news of the accounts that no other
// process listens to, until ctx ends. News make an account due at once.
func (s *Service) Listen(ctx context.Context, holder string) {
	var busy sync.WaitGroup
	defer busy.Wait()
	running := map[crm.AccountID]context.CancelFunc{}
	ended := make(chan silence, listenMost)
	deaf := map[crm.AccountID]time.Time{}
	look := time.NewTicker(listenLook)
	defer look.Stop()
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	s.wake = wake
	s.mu.Unlock()
	for {
		now := s.Now()
		mine, err := s.Rows.Watch(ctx, holder, now, now.Add(listenLease), listenMost)
		if err != nil && ctx.Err() == nil {
			s.log().WarnContext(ctx, "claiming accounts to listen to", "error", err)
		}
		if err == nil {
			mine = slices.DeleteFunc(mine, func(a crm.Account) bool { return deaf[a.ID].After(now) })
			s.follow(ctx, mine, running, ended, &busy)
		}
		for wait := true; wait; {
			select {
			case <-ctx.Done():
				return
			case e := <-ended:
				delete(running, e.id)
				delete(deaf, e.id)
				if !e.until.IsZero() {
					deaf[e.id] = e.until
				}
			case <-look.C:
				wait = false
			case <-wake:
				wait = false
			}
		}
	}
}

// ready says that an account can be listened to from now on.
func (s *Service) ready() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wake <- struct{}{}: // nil while nobody listens
	default:
	}
}

// follow begins to listen to accounts that are new here and stops where an
// account is gone.
func (s *Service) follow(ctx context.Context, mine []crm.Account, running map[crm.AccountID]context.CancelFunc, ended chan<- silence, busy *sync.WaitGroup) {
	claimed := make(map[crm.AccountID]bool, len(mine))
	for _, a := range mine {
		claimed[a.ID] = true
		if running[a.ID] != nil {
			continue
		}
		one, stop := context.WithCancel(ctx)
		running[a.ID] = stop
		busy.Go(func() {
			defer stop()
			end := silence{id: a.ID}
			if s.listen(one, a.ID) {
				end.until = s.Now().Add(listenDeaf)
			}
			ended <- end
		})
	}
	for id, stop := range running {
		if !claimed[id] {
			stop()
		}
	}
}

// listen waits for news of one account until ctx ends or there is no use. deaf: the
// server does not tell of any.
func (s *Service) listen(ctx context.Context, id crm.AccountID) (deaf bool) {
	for ctx.Err() == nil {
		err := s.idle(ctx, id)
		switch k := fault.Of(err); {
		case errors.Is(err, errNoIdle):
			return true
		case ctx.Err() != nil:
			return false
		case k == fault.Reconnect, k == fault.Permission, k == fault.Blocked, k == fault.NotFound:
			_ = s.News(ctx, id) // the step says so to people; without it the next poll does
			return false
		}
		wait := listenPause
		var f *fault.Error
		if errors.As(err, &f) && (f.Code == "mail_server_gone" || f.Code == "mail_session_ended") {
			wait = time.Second // sessions end with their token: the next one has a fresh one
		}
		s.log().DebugContext(ctx, "listening to a mailbox ended", "account", id, "error", err)
		pause := time.NewTimer(max(wait, fault.After(err)))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
	return false
}

var errNoIdle = errors.New("the server does not tell about news")

// idle is one session of listening.
func (s *Service) idle(ctx context.Context, id crm.AccountID) error {
	a, err := s.Rows.AccountByID(ctx, id)
	if err != nil {
		return err
	}
	box, err := s.open(ctx, a)
	if err != nil {
		return err
	}
	defer box.Close()
	if !box.Features().Idle {
		return errNoIdle
	}
	list, err := box.Folders(ctx)
	if err != nil {
		return err
	}
	followed := chosen(list, a.Folders, box.Features().Gmail)
	if len(followed) == 0 {
		return errNoIdle
	}
	folder := followed[0]
	for _, f := range followed { // where new mail comes in
		if strings.EqualFold(f.Name, "INBOX") {
			folder = f
		}
	}
	if _, err := box.Enter(ctx, folder.Name); err != nil {
		return err
	}
	defer s.deafened(ctx, id)
	for ctx.Err() == nil {
		// Also at the beginning: what came while nobody listened.
		if err := s.Queue.Enqueue(ctx, job(id, s.Now(), ListenedEvery)); err != nil {
			return err
		}
		if err := box.Idle(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// deafened has an account polled often again, now that its server tells nothing more.
func (s *Service) deafened(ctx context.Context, id crm.AccountID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Queue.Enqueue(ctx, job(id, s.Now().Add(PollEvery), PollEvery)); err != nil {
		s.log().WarnContext(ctx, "polling an account often again", "account", id, "error", err)
	}
}
