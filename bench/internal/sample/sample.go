// Package sample makes results for the tests of what shows them: made up, the same
// each time, with something in every field.
package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// Result answers one of an open loop, which is valid.
func Result() *result.Result { return at(20_000, 7) }

// Invalid answers one that cannot be believed, of a target whose errors are hostile
// to whoever shows them.
func Invalid() *result.Result {
	r := at(30_000, 8)
	r.Valid, r.AchievedRate, r.Errors = false, 24_321.5, 3
	r.ErrorsByKind = map[string]uint64{Hostile: 2, "connection: connection reset by peer": 1}
	r.InvalidReasons = []string{"3 errors: 2 × " + Hostile, "the rate was not reached: 30000.0/s asked, 24321.5/s achieved (81.1 %), 5678 requests waited at the end"}
	r.Notes = append(r.Notes, Hostile)
	r.Name = Hostile
	return r
}

// Hostile is text that does harm where it is not escaped.
const Hostile = `</script><script>document.title="broken"</script><img src=x onerror="document.title='broken'">'&"`

// Scan answers results of rising rates, of which the last is past what the target can.
func Scan() (all []*result.Result) {
	for i, rate := range []float64{5_000, 10_000, 15_000, 20_000, 25_000, 30_000} {
		all = append(all, at(rate, uint64(i)))
	}
	last := all[len(all)-1]
	last.Valid, last.AchievedRate = false, 27_000
	last.InvalidReasons = []string{"the rate was not reached: 30000.0/s asked, 27000.0/s achieved (90.0 %), 29711 requests waited at the end"}
	return all
}

// Closed answers one of a closed loop whose system under test is not known.
func Closed() *result.Result {
	r := at(0, 9)
	r.AchievedRate, r.Cost, r.Machine, r.Thresholds, r.Ceiling = 54_321, nil, nil, nil, nil
	r.Latency.Response, r.Latency.ResponseHistogram = r.Latency.Service, r.Latency.ServiceHistogram
	r.Latency.Lag, r.Latency.LagHistogram, r.Latency.Late = &result.Percentiles{}, nil, nil
	for i := range r.Series {
		r.Series[i].CPU, r.Series[i].Memory, r.Series[i].Rate = 0, 0, 54_321
	}
	return r
}

const started = 1_764_000_000 // Unix time, of November 2025

// at makes up a result at a rate. The target slows down as it comes near 30,000/s.
func at(rate float64, seed uint64) *result.Result {
	d := &draw{rand.New(rand.NewPCG(seed, 1)), 40_000 / max(1-rate/32_000, 0.05)}
	p := &plan.Plan{
		Kind: plan.RR, Target: plan.Target{Network: "tcp", Address: "127.0.0.1:7000"}, Conns: 100, Rate: rate,
		Time: 10 * time.Second, Warmup: 5 * time.Second, Seed: 1234, Verify: true,
	}
	p.Defaults()
	r := &result.Result{
		Schema: result.Schema, Command: "rr", Plan: p, Started: time.Unix(started, 0).UTC(),
		Args:  []string{"rr", "tcp://127.0.0.1:7000", "-c", "100", "-r", fmt.Sprint(rate), "--threshold", "p99<200us", "--start", "my server --name 'a b'"},
		Valid: true, InvalidReasons: []string{}, Notes: []string{"the windows did not agree within 5s of warm-up"},
		AskedRate: rate, AchievedRate: rate * 0.9987, Measured: 10 * time.Second, WarmedUp: 3 * time.Second,
		Completed: uint64(rate * 9.987), BytesOut: uint64(rate * 640), BytesIn: uint64(rate * 640), BytesVerified: uint64(rate * 640),
		Connects: 100, InFlight: rate * d.median / 1e9,
		Latency: d.latency(), Series: d.series(rate),
		Cost: &result.Cost{
			Unit: "request", Units: rate * 9.987, CPUPerUnit: 9123, CPU: int64(rate * 91230), Cores: rate * 9123 / 1e9, RunQueue: 1_200_000_000,
			RunQueuePerUnit: 1234, Syscalls: uint64(rate * 20), SyscallsPerUnit: 2.01, ContextSwitches: 4321, Memory: 12 << 20, PeakMemory: 15 << 20,
			Descriptors: 108, Pipes: 4, Processes: 1, Threads: 5,
		},
		Generator: result.Generator{Loops: 1, CPU: int64(rate * 65000), CPUPerUnit: 6512, Cores: rate * 6512 / 1e9},
		Ceiling:   &result.Ceiling{Rate: 61_000, Response: &result.Percentiles{P50: 60_000, P90: 90_000, P99: 120_000, P999: 900_000, P9999: 1_200_000, Max: 1_500_000, Mean: 64_000, Count: 122_000}, Share: rate / 61_000},
		Machine:   &result.MachineUsage{Busy: 0.71, Steal: 0.002},
		Environment: result.Environment{
			Host: "bench-1", Kernel: "6.18.0", CPU: "AMD EPYC 7763", CPUs: 2, Memory: 8 << 30, Go: "go1.26.8", Governor: "performance",
			Pinning: "split", System: "my server --name 'a b'", Sysctls: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_rmem": "4096 131072 6291456"},
		},
	}
	r.Thresholds = []result.Test{
		{Want: "p99<10ms", Got: "1.20 ms", Kept: true},
		{Want: "max<1ms", Got: "12.3 ms"},
	}
	return r
}

// A draw makes durations up: most near the median, a few far above it.
type draw struct {
	*rand.Rand
	median float64
}

func (d *draw) duration() int64 {
	v := d.median * math.Exp(0.3*d.NormFloat64())
	if d.Float64() < 0.005 {
		v *= 5 + 20*d.Float64()
	}
	return int64(v)
}

func (d *draw) histogram(n int, share float64) *result.Histogram {
	h := result.NewHistogram()
	for range n {
		h.Record(int64(share * float64(d.duration())))
	}
	return h
}

func (d *draw) latency() result.Latency {
	response, service, lag := d.histogram(10_000, 1), d.histogram(10_000, 0.8), d.histogram(10_000, 0.1)
	return result.Latency{
		Response: response.Percentiles(), Service: service.Percentiles(), Lag: lag.Percentiles(),
		Late: d.histogram(10_000, 0.05).Percentiles(), Connect: d.histogram(100, 2).Percentiles(),
		ResponseHistogram: response, ServiceHistogram: service, LagHistogram: lag,
	}
}

// series makes thirteen seconds up, of which three are warm-up.
func (d *draw) series(rate float64) (s []result.Second) {
	for i := range 13 {
		p := d.histogram(1000, 1).Percentiles()
		s = append(s, result.Second{
			At: time.Duration(i+1) * time.Second, For: time.Second, Warmup: i < 3, Asked: rate, Rate: rate * (0.99 + 0.02*d.Float64()), Open: 100,
			P50: p.P50, P90: p.P90, P99: p.P99, P999: p.P999, Max: p.Max,
			CPU: rate * 9123 / 1e9 * (0.95 + 0.1*d.Float64()), Memory: int64(10<<20 + i<<18), Generator: rate * 6512 / 1e9,
		})
	}
	return s
}
