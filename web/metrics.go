package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// Internal answers GET /metrics in Prometheus' format. It is for the internal
// listener alone: it tells clients and keys apart. It never has anything of a
// consumer.
func (s *Server) Internal() http.Handler { return s.internal }

func internal(p *op.Provider, store *storage.Store) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &metrics{p, store})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// metrics are those of a provider, as they are when they are asked for.
type metrics struct {
	provider *op.Provider
	store    *storage.Store
}

var (
	keyAge = prometheus.NewDesc("idp_active_signing_key_age_seconds",
		"How long a key has been signing; client_id is empty for the provider's.", []string{"client_id", "alg", "kid"}, nil)
	viewAge = prometheus.NewDesc("idp_view_age_seconds",
		"How long ago clients and keys were last known to be current; past the time that an instance goes on without the database, a minute, nothing is signed; -1 before they were read.", nil, nil)
	swept = prometheus.NewDesc("idp_swept_rows_total",
		"Expired rows that this instance has deleted.", nil, nil)
	connections = prometheus.NewDesc("idp_database_connections",
		"Connections to the database by state: in_use, idle, and the most there may be.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (*metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{keyAge, viewAge, swept, connections} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	status := m.provider.Status()
	for _, key := range status.ActiveKeys {
		gauge(keyAge, key.Age.Seconds(), key.ClientID, key.Alg, key.Kid)
	}
	view := status.ViewAge.Seconds()
	if status.ViewAge < 0 {
		view = -1
	}
	gauge(viewAge, view)
	ch <- prometheus.MustNewConstMetric(swept, prometheus.CounterValue, float64(status.Swept))
	used, idle, most := m.store.Connections()
	gauge(connections, float64(used), "in_use")
	gauge(connections, float64(idle), "idle")
	gauge(connections, float64(most), "most")
}
