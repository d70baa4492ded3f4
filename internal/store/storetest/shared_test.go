package storetest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/store"
)

func TestQuotaBuckets(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		take := func(want, keep float64, now time.Time) (float64, time.Duration) {
			got, wait, err := w.Take(ctx, "user:1", want, keep, 100, 10, now)
			require.NoError(t, err)
			return got, wait
		}
		now := Start
		got, wait := take(60, 0, now)
		require.EqualValues(t, 60, got)
		require.Zero(t, wait)
		got, _ = take(60, 0, now)
		require.EqualValues(t, 40, got, "what is left")
		got, wait = take(5, 0, now)
		require.Zero(t, got)
		require.Equal(t, 100*time.Millisecond, wait)
		now = now.Add(2 * time.Second)
		got, _ = take(5, 18, now)
		require.EqualValues(t, 2, got, "18 are to stay")
		got, wait = take(5, 18, now)
		require.Zero(t, got)
		require.Equal(t, 100*time.Millisecond, wait)
		got, _ = take(1, 0, now.Add(-time.Hour))
		require.EqualValues(t, 1, got, "a clock that is behind fills nothing and breaks nothing")
		now = now.Add(time.Hour)
		got, _ = take(1000, 0, now)
		require.EqualValues(t, 100, got, "no more than it holds")
		_, wait, err := w.Take(ctx, "dry", 10, 0, 0.5, 0, now)
		require.NoError(t, err)
		require.Greater(t, wait, 24*time.Hour)
	})
}

func TestQuotaIsSharedFairly(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var wg sync.WaitGroup
		var mu sync.Mutex
		sum := 0.0
		for range 30 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				got, _, err := w.Take(ctx, "project", 7, 0, 100, 1, Start)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				sum += got
			}()
		}
		wg.Wait()
		require.EqualValues(t, 100, sum, "never more than there is")
	})
}

func TestIdempotencyKeys(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		until := Start.Add(time.Hour)
		begin := func(key, request string, now time.Time) (string, bool, fault.Kind) {
			answer, first, err := w.BeginOnce(ctx, "home/ada", key, []byte(request), now, until.Add(now.Sub(Start)))
			if err != nil {
				return "", first, fault.Of(err)
			}
			return string(answer), first, -1
		}
		_, first, _ := begin("k", "r", Start)
		require.True(t, first)
		_, first, kind := begin("k", "r", Start)
		require.False(t, first)
		require.Equal(t, fault.Conflict, kind, "still at it")
		require.NoError(t, w.FinishOnce(ctx, "home/ada", "k", []byte("answer")))
		answer, first, _ := begin("k", "r", Start)
		require.False(t, first)
		require.Equal(t, "answer", answer)
		_, _, kind = begin("k", "other request", Start)
		require.Equal(t, fault.Conflict, kind)
		_, first, _ = begin("k2", "r", Start)
		require.True(t, first)
		require.NoError(t, w.FinishOnce(ctx, "home/ada", "k2", nil))
		_, first, _ = begin("k2", "r", Start)
		require.True(t, first, "a failed request may be tried again")
		_, first, _ = begin("k", "r", until)
		require.True(t, first, "expired")
		_, first, err := w.BeginOnce(ctx, "home/ben", "k", []byte("r"), Start, until)
		require.NoError(t, err)
		require.True(t, first, "keys are each user's own")
	})
}

func TestAttachmentCache(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d, func(o *store.Options) { o.CacheBytes = 1000 })
		c := w.Connect(w.Home, w.Ada, "ada")
		var emails []*crm.Email
		for i := range 6 {
			emails = append(emails, Mail(i, func(e *crm.Email) {
				e.HasAttachments, e.Attachments = true, []crm.Attachment{{ID: crm.AttachmentID(fmt.Sprint("a", i)), PartID: "2", Name: "f"}}
			}))
		}
		w.Put(c, Whole(emails...)...)
		cached := func(id crm.AttachmentID) bool {
			_, ok, err := w.CachedAttachment(ctx, id)
			require.NoError(t, err)
			return ok
		}
		require.False(t, cached("a0"))
		data := bytes.Repeat([]byte{0, 1, 255}, 80)
		require.NoError(t, w.CacheAttachment(ctx, "a0", "h0", data))
		require.NoError(t, w.CacheAttachment(ctx, "a1", "h0", data))
		got, ok, err := w.CachedAttachment(ctx, "a1")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, data, got)
		require.Len(t, w.Dump()["attachments_cache"], 1, "the same file is kept once")
		for i := 2; i < 6; i++ {
			w.Clock.Move(time.Minute)
			require.NoError(t, w.CacheAttachment(ctx, crm.AttachmentID(fmt.Sprint("a", i)), fmt.Sprint("h", i), data))
		}
		require.False(t, cached("a0"), "used longest ago")
		require.True(t, cached("a5"))
		require.Len(t, w.Dump()["attachments_cache"], 4)
		require.NoError(t, w.CacheAttachment(ctx, "a1", "big", make([]byte, 251)))
		require.False(t, cached("a1"), "larger than a quarter of the bound")
	})
}
