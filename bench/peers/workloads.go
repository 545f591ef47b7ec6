package peers

import (
	"fmt"

	"github.com/penstock/penstock/bench/plan"
)

// A Workload is a row of the matrix: a load, and who is measured under it.
type Workload struct {
	Name    string // short, to be chosen by
	Title   string
	plan    plan.Plan // without target and times
	role    role
	base    string // the system that the others are held against
	backend string // what a relay relays to: a kind of serve
	memory  bool   // it is memory for each connection that counts, not CPU time
}

// Workloads are the matrix.
func Workloads() (all []Workload) {
	size := func(n int) plan.Mix { return plan.Mix{{Bytes: n, Weight: 1}} }
	for _, r := range []struct {
		role       role
		name, base string
	}{{echo, "echo", "c-echo"}, {relay, "relay", "c-splice"}} {
		rr := func(name, title string, p plan.Plan) {
			p.Kind, p.Verify = plan.RR, true
			if p.Active > 0 {
				p.Kind = plan.Hold
			}
			all = append(all, Workload{Name: r.name + name, Title: r.name + ", " + title, plan: p, role: r.role, base: r.base, backend: "echo"})
		}
		for _, bytes := range []plan.Bytes{64, 1 << 10, 16 << 10} {
			for _, conns := range []int{1, 100, 1000} {
				rr(fmt.Sprintf("-%v-%d", bytes, conns), fmt.Sprintf("%v, %s", sizeOf(bytes), connections(conns)), plan.Plan{Request: size(int(bytes)), Conns: conns})
			}
		}
		rr("-idle", "64 B, 1,000 connections, 80 % of them idle", plan.Plan{Request: size(64), Conns: 1000, Active: 0.2})
		rr("-pipeline", "64 B, 100 connections, 16 requests in a pipeline", plan.Plan{Request: size(64), Conns: 100, Pipeline: 16})
	}
	for _, end := range []string{plan.FIN, plan.Reset} {
		all = append(all, Workload{
			Name: "crr-" + end, Title: "relay, connect + 64 B + close by " + map[string]string{plan.FIN: "FIN", plan.Reset: "RST"}[end] + ", 50 at a time",
			plan: plan.Plan{Kind: plan.CRR, Request: size(64), Conns: 50, Ending: end, Verify: true}, role: relay, base: "c-splice", backend: "echo",
		})
	}
	for _, streams := range []int{1, 16} {
		all = append(all, Workload{
			Name: fmt.Sprintf("stream-%d", streams), Title: fmt.Sprintf("relay, %d bulk %s", streams, plural(streams, "stream")),
			plan: plan.Plan{Kind: plan.Stream, Request: size(128 << 10), Conns: streams, Direction: plan.Up}, role: relay, base: "c-splice", backend: "sink",
		})
	}
	all = append(all, Workload{
		Name: "hold", Title: "relay, 9,000 idle connections that have carried data",
		plan: plan.Plan{Kind: plan.Hold, Request: size(64), Conns: 9000, Touch: true, Verify: true}, role: relay, base: "c-splice", backend: "echo", memory: true,
	})
	return all
}

func sizeOf(b plan.Bytes) string {
	if b >= 1<<10 {
		return fmt.Sprintf("%d KiB", b>>10)
	}
	return fmt.Sprintf("%d B", b)
}

func connections(n int) string {
	if n >= 1000 {
		return fmt.Sprintf("%d,%03d connections", n/1000, n%1000)
	}
	return fmt.Sprintf("%d %s", n, plural(n, "connection"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
