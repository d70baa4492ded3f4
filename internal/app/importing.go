package app

import (
	"context"
	"fmt"
	"io"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/httpapi"
	"rapport/internal/records"
	"rapport/internal/records/merging"
)

// As is the caller of a command in a workspace: a member, "" for the system.
func (a *App) As(ctx context.Context, w crm.WorkspaceID, email string) (access.Caller, error) {
	if email == "" {
		return access.System(w), nil
	}
	user, err := a.Store.UserByEmail(ctx, email)
	if err != nil {
		return access.Caller{}, err
	}
	return a.Org.Enter(ctx, access.Caller{Via: access.ViaSystem, UserID: user.ID, Remote: "command line"}, w)
}

// ImportNow stores the records of an import that was looked at, and waits for the end:
// the background of this process does it, or that of another one.
func (a *App) ImportNow(ctx context.Context, c access.Caller, id crm.ImportID, see func(in merging.Import, waits string)) (merging.Import, error) {
	in, err := a.Merging.RunImport(ctx, c, id)
	for err == nil && in.State != merging.ImportDone {
		if err = pause(ctx, lookEvery); err != nil {
			break
		}
		_, reason, jobErr := a.Store.Job(ctx, merging.KindImport, string(id))
		if jobErr != nil && !fault.Is(jobErr, fault.NotFound) {
			return in, fmt.Errorf("reading a job: %w", jobErr)
		}
		if in, err = a.Merging.Import(ctx, c, id); err == nil {
			see(in, reason)
		}
	}
	return in, err
}

// ImportMistakes are the rows that could not be stored as they are, all of them.
func (a *App) ImportMistakes(ctx context.Context, c access.Caller, id crm.ImportID) ([]merging.Mistake, error) {
	var out []merging.Mistake
	after := int64(0)
	for {
		list, err := a.Merging.Mistakes(ctx, c, id, after)
		if err != nil || len(list) == 0 {
			return out, err
		}
		out, after = append(out, list...), list[len(list)-1].Row
	}
}

// ExportRecords writes the records that q chooses, and counts them; see is told how far
// it is.
func (a *App) ExportRecords(ctx context.Context, c access.Caller, format merging.Format, q records.Query, to io.Writer, see func(n int64)) (int64, error) {
	read := &countedLister{Lister: a.Records, see: see}
	m := &merging.Service{Store: a.Store, Lister: read}
	err := m.Export(ctx, c, format, q, to, func(r crm.Record) any { return httpapi.RecordShape(c, r) })
	return read.n, err
}

type countedLister struct {
	merging.Lister
	see func(n int64)
	n   int64
}

func (l *countedLister) List(ctx context.Context, c access.Caller, q records.Query) (records.Page, error) {
	page, err := l.Lister.List(ctx, c, q)
	l.n += int64(len(page.Records))
	l.see(l.n)
	return page, err
}
