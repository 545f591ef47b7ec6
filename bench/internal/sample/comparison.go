package sample

import (
	"math"
	"math/rand/v2"

	"github.com/penstock/penstock/bench/result"
)

// Comparison answers one of four systems: the second is cheaper than the first, the
// third dearer, the fourth no different.
func Comparison() *result.Comparison {
	r := Result()
	c := &result.Comparison{
		Schema: result.ComparisonSchema, Args: []string{"ab", "--a", "c-echo 7000", "--b", "penstock-echo"}, Name: "echo, 64 B, 100 connections",
		Started: r.Started, Plan: r.Plan, Valid: true, InvalidReasons: []string{}, Blocks: 7, Unit: "request", Environment: r.Environment,
	}
	random := rand.New(rand.NewPCG(3, 4))
	vary := func(v float64) float64 { return v * math.Exp(0.015*random.NormFloat64()) }
	system := func(name string, cost float64) result.System {
		s := result.System{Name: name, Command: "./" + name + " -listen :7000", Config: "worker_processes 1;\nevents { use epoll; }\n"}
		for turn := range 2 * c.Blocks {
			s.Turns = append(s.Turns, result.Turn{Block: turn / 2, Cost: vary(cost), Rate: vary(2e8 / cost), P50: vary(40_000), P99: vary(90_000), Syscalls: 2, Memory: 12 << 20})
		}
		return s
	}
	base := system("C epoll", 3000)
	c.Floor = against(system("C epoll", 3000), base)
	c.Systems = []result.System{base, system("Penstock", 2800), system("net", 5200), system("netpoll", 3010)}
	for i := range c.Systems[1:] {
		s := &c.Systems[1+i]
		s.Against = against(*s, base)
		s.Against.Verdict = result.Verdict(s.Against.Cost, c.Floor.Cost)
	}
	c.Ceiling = &result.Ceiling{Rate: 90_000, Response: r.Ceiling.Response, Share: 0.8}
	return c
}

// against holds the turns of one against those of another, block by block.
func against(a, b result.System) *result.Against {
	ratio := func(of func(result.Turn) float64) result.Ratio {
		return result.NewRatio(perBlock(a, of), perBlock(b, of))
	}
	return &result.Against{
		Cost: ratio(func(t result.Turn) float64 { return t.Cost }), Rate: ratio(func(t result.Turn) float64 { return t.Rate }),
		P50: ratio(func(t result.Turn) float64 { return t.P50 }), P99: ratio(func(t result.Turn) float64 { return t.P99 }),
	}
}

func perBlock(s result.System, of func(result.Turn) float64) (sums []float64) {
	for i := 0; i < len(s.Turns); i += 2 {
		sums = append(sums, of(s.Turns[i])+of(s.Turns[i+1]))
	}
	return sums
}
