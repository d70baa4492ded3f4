package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ExportQuery chooses what is written into a file, and how: format mbox, eml or
// jsonl; one message, one conversation, or what a search finds.
type ExportQuery struct {
	Format, EmailID, ThreadID, ConnectionID, Q, Label string
	// Original asks Google for messages as they were sent, or does not; nil: only
	// for one message or conversation.
	Original *bool
}

// Exported counts messages of an export.
type Exported struct {
	Written int64
	LeftOut int64 // seen in part only: mbox and eml do not hold them
	Rebuilt int64 // put together from what is stored
}

// Export writes mail into a file; an error after the first byte means that it is
// cut off.
func (w *InWorkspace) Export(ctx context.Context, q ExportQuery, out io.Writer) (Exported, error) {
	original := ""
	if q.Original != nil {
		original = strconv.FormatBool(*q.Original)
	}
	answer, err := w.client.send(ctx, http.MethodGet, w.google+"/gmail/export"+query("format", q.Format, "email_id", q.EmailID, "thread_id", q.ThreadID,
		"connection_id", q.ConnectionID, "q", q.Q, "label", q.Label, "original", original), nil)
	if err != nil {
		return Exported{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(out, answer.Body); err != nil {
		return Exported{}, fmt.Errorf("reading the export: %w", err)
	}
	var counts [3]int64
	for i, name := range []string{"Rapport-Exported", "Rapport-Left-Out", "Rapport-Rebuilt"} {
		if counts[i], err = strconv.ParseInt(answer.Trailer.Get(name), 10, 64); err != nil {
			return Exported{}, fmt.Errorf("reading the counts of the export: %w", err)
		}
	}
	return Exported{counts[0], counts[1], counts[2]}, nil
}
