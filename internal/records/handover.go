package records

import (
	"context"
	"encoding/json"
	"fmt"

	"rapport/internal/crm"
	"rapport/internal/work"
)

// KindHandOver gives records and open tasks of somebody who is no member any more to a
// successor, or to nobody.
const KindHandOver work.Kind = "records.handover"

// handOverPiece is how many records and tasks change hands in a transaction.
const handOverPiece = 200

// HandOver says whose records and open tasks go to whom.
type HandOver struct {
	Workspace crm.WorkspaceID `json:"w"`
	From      crm.UserID      `json:"from"`
	To        crm.UserID      `json:"to,omitempty"` // "": nobody
	By        crm.UserID      `json:"by,omitempty"` // who took them out of the workspace
}

// Job is the work of a hand-over.
func (h HandOver) Job() (work.Job, error) {
	subject, err := json.Marshal(h)
	if err != nil {
		return work.Job{}, fmt.Errorf("writing a hand-over: %w", err)
	}
	return work.Job{Kind: KindHandOver, Subject: string(subject), Group: "handover:" + string(h.Workspace)}, nil
}

// Definitions are the steps.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindHandOver, Step: s.handOver}}
}

// handOver is the step of KindHandOver. Each piece is found by whose it is: what was cut
// off goes on where it stopped.
func (s *Service) handOver(ctx context.Context, subject string) (more bool, err error) {
	var h HandOver
	if err := json.Unmarshal([]byte(subject), &h); err != nil {
		return false, fmt.Errorf("reading a hand-over: %w", err)
	}
	more, err = s.Store.HandOver(work.Patient(ctx), h, crm.Source{By: crm.ByMember, UserID: h.By, At: s.Now()}, handOverPiece)
	return more, wrap("handing records over", err)
}
