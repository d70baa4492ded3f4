package app

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
)

// corridor says what follows from a fact. It may run more than once for the
// same fact, so what it does must be harmless the second time.
type corridor struct {
	when fact.Kind
	then string // in words, for people who read this table and for the log
	do   func(ctx context.Context, f fact.Fact) error
}

// corridors is the whole table: rooms never call each other.
func (a *App) corridors() []corridor {
	return []corridor{
		{fact.ConnectionGranted, "its mail streams begin", a.startMail},
		{fact.ConnectionChanged, "its mail streams follow the new status and settings", a.adjustMail},
		{fact.ConnectionLost, "its mail streams pause until it is reconnected", a.stopMail},
		{fact.ApprovalDecided, "connections of a blocked workspace rest; they go on when it is approved again", a.followApproval},
		{fact.MemberRemoved, "their connections are disconnected, their tokens revoked and their leases cut", a.dropMember},
		// Everything is shown on open pages besides, by every process: see tail.
	}
}

func (a *App) startMail(ctx context.Context, f fact.Fact) error {
	return a.withConnection(ctx, f, func(c crm.Connection) error {
		if !c.Status.Syncs() || !c.GmailSync {
			return nil
		}
		return a.Mail.Start(ctx, c.ID)
	})
}

func (a *App) adjustMail(ctx context.Context, f fact.Fact) error {
	return a.withConnection(ctx, f, func(c crm.Connection) error {
		if !c.Status.Syncs() || !c.GmailSync {
			return a.Mail.Stop(ctx, c.ID)
		}
		if err := a.Mail.Start(ctx, c.ID); err != nil {
			return err
		}
		return a.Mail.SettingsChanged(ctx, c.ID)
	})
}

func (a *App) stopMail(ctx context.Context, f fact.Fact) error {
	return a.withConnection(ctx, f, func(c crm.Connection) error {
		if c.Status.Syncs() { // reconnected meanwhile
			return nil
		}
		return a.Mail.Stop(ctx, c.ID)
	})
}

// withConnection acts on the connection as it is now: a fact may be old.
func (a *App) withConnection(ctx context.Context, f fact.Fact, do func(crm.Connection) error) error {
	c, err := a.Store.ConnectionByID(ctx, f.ConnectionID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the connection of a fact: %w", err)
	}
	return do(c)
}

const (
	corridorReader = "corridors"
	corridorLease  = 15 * time.Second // so long a process that died is waited for
	corridorLook   = 5 * time.Second  // without a ring, and after trouble
	corridorPiece  = 100
)

// walkCorridors lets facts have their consequences, in order and at least once.
// Of several processes one at a time does it.
func (a *App) walkCorridors(ctx context.Context) {
	rings, stop := a.Store.FactsBell()
	defer stop()
	look := time.NewTicker(corridorLook)
	defer look.Stop()
	for {
		more, err := a.walk(ctx)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("following facts", "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-rings:
		case <-look.C:
		}
	}
}

// walk handles one piece; more says that there may be another.
func (a *App) walk(ctx context.Context) (more bool, err error) {
	now := a.now()
	facts, err := a.Store.ClaimFacts(ctx, corridorReader, a.holder, now, now.Add(corridorLease), corridorPiece)
	if err != nil || len(facts) == 0 {
		return false, err
	}
	through := int64(0)
	for _, f := range facts {
		if err = a.follow(ctx, f); err != nil {
			break
		}
		a.meters.fact(f)
		through = f.Seq
		if a.now().Sub(now) > corridorLease/2 {
			break
		}
	}
	if through > 0 {
		if done := a.Store.FinishFacts(ctx, corridorReader, a.holder, through); done != nil {
			return false, done
		}
	}
	return true, err
}

func (a *App) follow(ctx context.Context, f fact.Fact) error {
	for _, c := range a.table {
		if c.when != f.Kind {
			continue
		}
		if err := c.do(ctx, f); err != nil {
			return fmt.Errorf("%s: %s: %w", c.when, c.then, err)
		}
	}
	return nil
}

// tail shows facts on the pages that are open at this process.
func (a *App) tail(ctx context.Context) {
	rings, stop := a.Store.FactsBell()
	defer stop()
	look := time.NewTicker(corridorLook)
	defer look.Stop()
	seq, err := a.Store.LastFact(ctx)
	known := err == nil
	for {
		if err != nil && ctx.Err() == nil {
			a.log.Warn("live events wait for the database", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-rings:
		case <-look.C:
		}
		if !known {
			seq, err = a.Store.LastFact(ctx)
			known = err == nil
			continue
		}
		seq, err = a.publish(ctx, seq)
	}
}

// publish lets this process hear of facts: its caches forget, its pages show.
func (a *App) publish(ctx context.Context, seq int64) (int64, error) {
	for {
		facts, err := a.Store.FactsAfter(ctx, seq, corridorPiece)
		if err != nil {
			return seq, err
		}
		for _, f := range facts {
			a.Vault.Heard(f)
			a.live.publish(f)
			seq = f.Seq
		}
		if len(facts) < corridorPiece {
			return seq, nil
		}
	}
}
