package httpapi

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rapport/internal/access"
	"rapport/internal/fault"
)

// Check is one thing that has to be right for us to be ready.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// Readiness says which of the checks failed.
type Readiness struct {
	Status string            `json:"status" enum:"ok,not_ready"`
	Checks map[string]string `json:"checks" doc:"ok or failed, by name."`
}

const checkTimeout = 3 * time.Second

// health says that the process answers.
func (s *Server) health(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	answerJSON(w, http.StatusOK, Health{Status: "ok", Version: s.Version})
	return nil
}

// ready says whether the process can do its work.
func (s *Server) ready(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	out := Readiness{"ok", map[string]string{}}
	code := http.StatusOK
	for _, c := range s.Checks {
		out.Checks[c.Name] = "ok"
		if err := c.Run(ctx); err != nil {
			logFailure(r.Context(), err, problemOf(err, requestIDOf(r.Context())))
			out.Status, out.Checks[c.Name], code = "not_ready", "failed", http.StatusServiceUnavailable
		}
	}
	answerJSON(w, code, out)
	return nil
}

func answerJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the reader went away
}

// showMetrics serves Prometheus; with a token configured, only to its bearer.
func (s *Server) showMetrics() plainHandler {
	plain := promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{})
	return func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
		want := "Bearer " + s.MetricsToken.Reveal()
		if !s.MetricsToken.IsZero() && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
			return fault.New(fault.Unauthenticated, "The metrics need METRICS_TOKEN as a bearer token.")
		}
		plain.ServeHTTP(w, r)
		return nil
	}
}

func (s *Server) showDocs(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	s.docs.ServeHTTP(w, r)
	return nil
}

func (s *Server) showDescription(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	body, err := s.description()
	if err != nil {
		return err
	}
	serveBytes(w, r, "application/json", body)
	return nil
}

// measure times requests by the route that matched, never by the path itself.
func (s *Server) measure(mux *http.ServeMux) http.Handler {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rapport_http_request_duration_seconds", Help: "Time to answer HTTP requests, by route.",
		Buckets: []float64{.001, .0025, .01, .05, .25, 1, 5, 60},
	}, []string{"route", "code"})
	going := prometheus.NewGauge(prometheus.GaugeOpts{Name: "rapport_http_requests_in_flight", Help: "Requests being answered, event streams included."})
	s.Metrics.MustRegister(took, going)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		out := &recorder{ResponseWriter: w}
		going.Inc()
		defer func() {
			going.Dec()
			if !strings.HasSuffix(r.Pattern, "/events") { // lasts as long as the page is open
				took.WithLabelValues(r.Pattern, strconv.Itoa(out.status)).Observe(time.Since(began).Seconds())
			}
		}()
		mux.ServeHTTP(out, r)
	})
}
