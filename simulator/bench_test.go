package simulator_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"rapport/simulator"
)

const benchAccount = "mara@northwind-lamps.example"

// mailboxOf starts a simulator with one mailbox and returns its message ids.
func mailboxOf(b *testing.B, n int) (sim *simulator.Simulator, token string, ids []string) {
	b.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 1, Quota: "none", Accounts: []simulator.Account{{Email: benchAccount, Messages: n, Seed: 1}}})
	if err != nil {
		b.Fatal(err)
	}
	if err := sim.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sim.Close() })
	if token, err = sim.OAuth.IssueToken(benchAccount, "", []string{"https://mail.google.com/"}); err != nil {
		b.Fatal(err)
	}
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "/gmail/v1/users/me/messages?maxResults=500&fields=messages/id&prettyPrint=false", http.NoBody)
	req.Header.Set("Authorization", "Bearer "+token)
	sim.Handler().ServeHTTP(rec, req)
	for _, part := range strings.Split(rec.Body.String(), `"id":"`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		b.Fatalf("no messages: %s", rec.Body.String())
	}
	return sim, token, ids
}

// BenchmarkHandler is messages.get without the network.
func BenchmarkHandler(b *testing.B) {
	for _, format := range []string{"minimal", "metadata", "full", "raw"} {
		b.Run(format, func(b *testing.B) {
			sim, token, ids := mailboxOf(b, 2000)
			var n atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					req := httptest.NewRequest(http.MethodGet, "/gmail/v1/users/me/messages/"+ids[int(n.Add(1))%len(ids)]+"?format="+format+"&prettyPrint=false&alt=json", http.NoBody)
					req.Header.Set("Authorization", "Bearer "+token)
					rec := httptest.NewRecorder()
					sim.Handler().ServeHTTP(rec, req)
					if rec.Code != 200 {
						b.Errorf("%d %s", rec.Code, rec.Body)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
		})
	}
}

// BenchmarkBatch is messages.get over HTTP, 50 to a batch.
func BenchmarkBatch(b *testing.B) {
	const parts = 50
	sim, token, ids := mailboxOf(b, 2000)
	var body bytes.Buffer
	for i := range parts {
		fmt.Fprintf(&body, "--x\r\nContent-Type: application/http\r\nContent-ID: <%d>\r\n\r\nGET /gmail/v1/users/me/messages/%s?format=full&prettyPrint=false\r\n\r\n\r\n", i, ids[i])
	}
	body.WriteString("--x--\r\n")
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, sim.URL()+"/batch/gmail/v1", bytes.NewReader(body.Bytes()))
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "multipart/mixed; boundary=x")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N*parts)/b.Elapsed().Seconds(), "gets/s")
}

// BenchmarkHTTP is messages.get over HTTP, one by one.
func BenchmarkHTTP(b *testing.B) {
	sim, token, ids := mailboxOf(b, 2000)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	var n atomic.Int64
	b.SetParallelism(4)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, sim.URL()+"/gmail/v1/users/me/messages/"+ids[int(n.Add(1))%len(ids)]+"?format=full&prettyPrint=false", http.NoBody)
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
}
