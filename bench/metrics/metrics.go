// Package metrics lets Prometheus, or whatever reads its format, scrape a run while
// it goes on.
package metrics

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A Server answers GET /metrics with the figures of the run's last window. It is a
// drive.View, and lives until it is closed.
type Server struct {
	listener net.Listener
	http     *http.Server
	served   chan struct{}
	registry *prometheus.Registry

	completed, errors         *prometheus.CounterVec
	rate, asked, open         prometheus.Gauge
	latency                   *prometheus.GaugeVec
	system, memory, generator prometheus.Gauge
	valid, progress           prometheus.Gauge
}

// Listen serves at an address, such as 127.0.0.1:9464, or :9464 for all machines.
func Listen(address string, p *plan.Plan) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--metrics %s: %w: must be HOST:PORT of this machine, with a port that is free", address, err)
	}
	s := &Server{listener: l, served: make(chan struct{}), registry: prometheus.NewRegistry()}
	s.register(p)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			l.Close()
		}
	}()
	return s, nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close ends the server, scrapes under way included.
func (s *Server) Close() {
	s.http.Close()
	<-s.served
}

func (s *Server) register(p *plan.Plan) {
	s.completed = s.counters("completed_total", "Units of work done, by phase: requests, connections, GiB of a stream.")
	s.errors = s.counters("errors_total", "What went wrong, by phase.")
	s.rate = s.gauge("rate", "Units of work a second, in the last window.")
	s.asked = s.gauge("asked_rate", "Units of work a second that were asked for. 0: a closed loop.")
	s.open = s.gauge("open_connections", "Connections at the end of the last window.")
	s.generator = s.gauge("generator_cpu_cores", "Cores that the generator used in the last window.")
	s.valid = s.gauge("valid", "1 as long as no error was counted, of which one makes the run invalid. What else does is judged at its end.")
	s.progress = s.gauge("progress_ratio", "Share of the measured time that is over. 0 in the warm-up.")
	s.latency = prometheus.NewGaugeVec(options("response_seconds", "Response time in the last window, from when a request was to be sent. Quantile 1 is the longest."), []string{"quantile"})
	info := prometheus.NewGaugeVec(options("info", "The load that is generated."), []string{"kind", "target", "unit"})
	s.registry.MustRegister(s.latency, info)
	info.WithLabelValues(string(p.Kind), p.Target.String(), p.Kind.Unit()).Set(1)
	s.valid.Set(1)
	s.asked.Set(p.Rate)
}

func options(name, help string) prometheus.GaugeOpts {
	return prometheus.GaugeOpts{Namespace: "penstock_bench", Name: name, Help: help}
}

func (s *Server) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(options(name, help))
	s.registry.MustRegister(g)
	return g
}

func (s *Server) counters(name, help string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts(options(name, help)), []string{"phase"})
	s.registry.MustRegister(c)
	return c
}

// Second takes the figures of a window.
func (s *Server) Second(w result.Second, done, total time.Duration) {
	phase := "measured"
	if w.Warmup {
		phase = "warmup"
	} else {
		s.progress.Set(min(done.Seconds()/total.Seconds(), 1))
	}
	s.completed.WithLabelValues(phase).Add(w.Rate * w.For.Seconds())
	s.errors.WithLabelValues(phase).Add(float64(w.Errors))
	s.rate.Set(w.Rate)
	s.open.Set(float64(w.Open))
	s.generator.Set(w.Generator)
	if w.Errors > 0 && !w.Warmup {
		s.valid.Set(0)
	}
	for quantile, ns := range map[string]int64{"0.5": w.P50, "0.9": w.P90, "0.99": w.P99, "0.999": w.P999, "1": w.Max} {
		if w.Max > 0 {
			s.latency.WithLabelValues(quantile).Set(float64(ns) / 1e9)
		}
	}
	s.systemUnderTest(w)
}

// systemUnderTest has its figures from when there are any: 0 would say that it is
// idle, where it is not known.
func (s *Server) systemUnderTest(w result.Second) {
	if w.Memory == 0 {
		return
	}
	if s.system == nil {
		s.system = s.gauge("system_cpu_cores", "Cores that the system under test used in the last window.")
		s.memory = s.gauge("system_memory_bytes", "Memory of the system under test, anonymous and private.")
	}
	s.system.Set(w.CPU)
	s.memory.Set(float64(w.Memory))
}
