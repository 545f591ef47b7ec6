package sample

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/penstock/penstock/bench/ab"
	"github.com/penstock/penstock/bench/result"
)

// Comparison answers one of four systems: the second is cheaper than the first, the
// third dearer, the fourth no different.
func Comparison() *result.Comparison {
	r := Result()
	costs := []float64{3000, 2800, 5200, 3010}
	random := rand.New(rand.NewPCG(3, 4))
	vary := func(v float64) float64 { return v * math.Exp(0.015*random.NormFloat64()) }
	b := ab.Bench{Blocks: 7, Turn: func(_ context.Context, at ...int) ([]*result.Result, error) {
		cost := costs[at[0]]
		return []*result.Result{{
			Plan: r.Plan, Environment: r.Environment, AchievedRate: vary(2e8 / cost),
			Latency: result.Latency{Response: &result.Percentiles{P50: int64(vary(40_000)), P99: int64(vary(90_000))}},
			Cost:    &result.Cost{CPUPerUnit: vary(cost), SyscallsPerUnit: 2, Memory: 12 << 20},
		}}, nil
	}}
	for _, name := range []string{"C epoll", "Penstock", "net", "netpoll"} {
		b.Systems = append(b.Systems, ab.System{Name: name, Command: "./" + name + " -listen :7000", Config: "worker_processes 1;\nevents { use epoll; }\n"})
	}
	c, err := b.Run(context.Background())
	if err != nil {
		panic(err)
	}
	c.Args, c.Name, c.Started = []string{"ab", "--a", "c-echo 7000", "--b", "penstock-echo"}, "echo, 64 B, 100 connections", r.Started
	for i := range c.Systems {
		for k := range c.Systems[i].Turns {
			c.Systems[i].Turns[k].At = 0 // the only thing that differs from time to time
		}
	}
	return c
}
