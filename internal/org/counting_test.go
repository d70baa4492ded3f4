package org_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

// counting counts what busy programs must not ask again and again.
type counting struct {
	org.Store
	keys, touched, acquainted atomic.Int64
}

func (c *counting) KeyByHash(ctx context.Context, hash []byte) (org.APIKey, error) {
	c.keys.Add(1)
	return c.Store.KeyByHash(ctx, hash)
}

func (c *counting) TouchKey(ctx context.Context, id crm.KeyID, at time.Time) error {
	c.touched.Add(1)
	return c.Store.TouchKey(ctx, id, at)
}

func (c *counting) Acquainted(ctx context.Context, w crm.WorkspaceID, emails, subs []string) (org.Acquaintance, error) {
	c.acquainted.Add(1)
	return c.Store.Acquainted(ctx, w, emails, subs)
}

// BenchmarkKeyCaller is what each vend begins with: more than 20,000 a second
// are wanted on two cores.
func BenchmarkKeyCaller(b *testing.B) {
	r := open(b, storetest.SQLite)
	_, key, err := r.CreateAPIKey(context.Background(), r.caller(b), org.KeyWish{Name: "k", Scopes: []string{"tokens:vend:*"}})
	require.NoError(b, err)
	r.Now = time.Now
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		p := org.Presented{Bearer: key, Remote: "198.51.100.3"}
		for pb.Next() {
			if _, err := r.KeyCaller(context.Background(), p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
