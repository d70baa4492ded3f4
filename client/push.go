package client

import "time"

// Watch is how news of a mailbox come in.
type Watch struct {
	Mode               string     `json:"mode" enum:"push,pull,poll" doc:"How news come in now: posted by Google, fetched from a subscription, or by a look each minute."`
	State              string     `json:"state" enum:"on,off,failed" doc:"Of Gmail's notifications for this mailbox."`
	ExpiresAt          *time.Time `json:"expires_at,omitempty" doc:"They are renewed daily, long before this."`
	RenewedAt          *time.Time `json:"renewed_at,omitempty"`
	LastNotificationAt *time.Time `json:"last_notification_at,omitempty"`
	DelayP50MS         *int64     `json:"delay_p50_ms,omitempty" doc:"From Google to here, of the last 50 arrivals; absent before the first."`
	DelayP99MS         *int64     `json:"delay_p99_ms,omitempty"`
	Error              string     `json:"error,omitempty" doc:"Why notifications do not come, in plain words."`
	NextStep           string     `json:"next_step,omitempty" doc:"What to do about it."`
}
