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

// Export writes mail into a file; an error after the first byte means that it is
// cut off.
func (w *InWorkspace) Export(ctx context.Context, q ExportQuery, out io.Writer) error {
	original := ""
	if q.Original != nil {
		original = strconv.FormatBool(*q.Original)
	}
	answer, err := w.client.send(ctx, http.MethodGet, w.google+"/gmail/export"+query("format", q.Format, "email_id", q.EmailID, "thread_id", q.ThreadID,
		"connection_id", q.ConnectionID, "q", q.Q, "label", q.Label, "original", original), nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(out, answer.Body); err != nil {
		return fmt.Errorf("reading the export: %w", err)
	}
	return nil
}
