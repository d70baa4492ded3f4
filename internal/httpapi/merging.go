package httpapi

import (
	"context"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records/merging"
)

type (
	MergeRequest = client.MergeRequest
	Merged       = client.Merged
	Merge        = client.Merge
	MergeUndone  = client.MergeUndone
	Duplicate    = client.Duplicate
)

// registerMerging is records that stand twice, and files in and out.
func (s *Server) registerMerging(r *router) {
	read, write := may(access.RecordsRead), may(access.RecordsWrite)
	add(r, write, post, w+"/records/{record_id}/merge", "merge-records", "Take records into this one", once(s, "merge-records", s.mergeRecords), status(200), says(mergeSays))
	add(r, read, get, w+"/merges", "list-merges", "Merges, the newest first", s.listMerges)
	add(r, write, post, w+"/merges/{merge_id}/undo", "undo-merge", "Bring back the records of a merge", s.undoMerge, says(undoMergeSays))
	add(r, read, get, w+"/duplicates", "list-duplicates", "Records that may be the same, the likeliest first", s.listDuplicates, says(duplicatesSays))
	add(r, write, post, w+"/duplicates/{duplicate_id}/dismiss", "dismiss-duplicate", "Say that two records are not the same: they are not listed again", s.dismissDuplicate)
	s.registerFiles(r)
}

const (
	mergeSays      = "Everything of theirs goes over: addresses, numbers, tags, notes, tasks, mail, evidence, deals, what points to them. They are deleted, and their ids lead to this one."
	undoMergeSays  = "In any order that is possible: 409 when the record they went into was itself merged or deleted since. What was changed since the merge stays: kept names it."
	duplicatesSays = "By the same e-mail address, the same number, or a similar name in the same company; companies by domain and name. They are found in the background, soon after records change. Nothing is merged by itself."
)

type mergeInput struct {
	InRecord
	Idempotent
	Body MergeRequest
}

func (s *Server) mergeRecords(ctx context.Context, c access.Caller, in *mergeInput) (*bodyOf[Merged], error) {
	keep := make(map[string]crm.RecordID, len(in.Body.Keep))
	for field, id := range in.Body.Keep {
		keep[field] = crm.RecordID(id)
	}
	m, r, err := s.Merging.Merge(ctx, c, merging.MergeWish{Into: in.record(), Others: each(in.Body.OtherIDs, func(id string) crm.RecordID { return crm.RecordID(id) }), Keep: keep})
	if err != nil {
		return nil, err
	}
	return &bodyOf[Merged]{Merged{MergeID: string(m.ID), Record: RecordShape(c, r)}}, nil
}

func mergeShape(m merging.Merge) Merge {
	return Merge{
		ID: string(m.ID), Into: *refShape(&m.Into), Others: each(m.Others, func(r crm.RecordRef) RecordRef { return *refShape(&r) }),
		By: NamedUser{ID: string(m.By.ID), Name: m.By.Name}, At: m.At.UTC(), UndoneAt: utc(m.UndoneAt),
	}
}

type listMergesInput struct {
	InWorkspace
	PageInput
	RecordID string `query:"record_id" maxLength:"64" doc:"Of this record, whether it stayed or went."`
}

func (s *Server) listMerges(ctx context.Context, c access.Caller, in *listMergesInput) (*bodyOf[List[Merge]], error) {
	list, next, err := s.Merging.Merges(ctx, c, crm.RecordID(in.RecordID), in.Cursor, in.Limit)
	return pageOf(list, next, err, mergeShape)
}

type undoMergeInput struct {
	InWorkspace
	MergeID string `path:"merge_id"`
}

func (s *Server) undoMerge(ctx context.Context, c access.Caller, in *undoMergeInput) (*bodyOf[MergeUndone], error) {
	done, err := s.Merging.UndoMerge(ctx, c, crm.MergeID(in.MergeID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[MergeUndone]{MergeUndone{Merge: mergeShape(done.Merge), Record: RecordShape(c, done.Record), Kept: done.Kept}}, nil
}

type listDuplicatesInput struct {
	InWorkspace
	PageInput
	Type     string `query:"type" maxLength:"64"`
	RecordID string `query:"record_id" maxLength:"64" doc:"Those of one record."`
}

func (s *Server) listDuplicates(ctx context.Context, c access.Caller, in *listDuplicatesInput) (*bodyOf[List[Duplicate]], error) {
	list, next, err := s.Merging.Duplicates(ctx, c, merging.DuplicateQuery{Type: crm.RecordType(in.Type), Record: crm.RecordID(in.RecordID), Cursor: in.Cursor, Limit: in.Limit})
	return pageOf(list, next, err, func(d merging.Duplicate) Duplicate {
		return Duplicate{
			ID: d.ID, Records: each(d.Records, func(r crm.Record) Record { return RecordShape(c, r) }), Score: d.Score,
			Reasons: each(d.Reasons, func(r merging.Reason) client.DuplicateReason { return client.DuplicateReason(r) }),
		}
	})
}

type dismissDuplicateInput struct {
	InWorkspace
	DuplicateID string `path:"duplicate_id"`
}

func (s *Server) dismissDuplicate(ctx context.Context, c access.Caller, in *dismissDuplicateInput) (*nothing, error) {
	return nil, s.Merging.DismissDuplicate(ctx, c, in.DuplicateID)
}
