package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Happening is one live event with its kind: ready, mail.arrived, sync.progress, ...
type Happening struct {
	Kind string
	Event
}

// Events calls see for each live event of the workspace until ctx ends, the
// stream ends, or see fails. The first is "ready".
func (w *InWorkspace) Events(ctx context.Context, see func(Happening) error) error {
	long := *w.client.http
	long.Timeout = 0
	answer, err := w.client.With(WithHTTP(&long)).send(ctx, http.MethodGet, w.path+"/events", nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	var now Happening
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			now = Happening{Kind: value}
		case "data":
			if err := json.Unmarshal([]byte(value), &now.Event); err != nil {
				return fmt.Errorf("reading an event: %w", err)
			}
			if err := see(now); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading events: %w", err)
	}
	return nil
}
