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
	class   class
	base    string // the system that the others are held against
	backend string // what a relay relays to: a kind of serve
}

// download is how many bytes a connection of the row of downloads is sent.
const download = 5 << 20

// Workloads are the matrix.
func Workloads() (all []Workload) {
	all = append(messages(echo, "echo", "c-echo"), messages(relay, "relay", "c-splice")...)
	add := func(name, title string, c class, backend string, p plan.Plan) {
		all = append(all, Workload{Name: name, Title: "relay, " + title, plan: p, role: relay, class: c, base: "c-splice", backend: backend})
	}
	add("crr-fin", "connect + 64 B + close by FIN, 50 at a time", connections, "echo",
		plan.Plan{Kind: plan.CRR, Request: size(64), Conns: 50, Ending: plan.FIN, Verify: true})
	add("crr-rst", "connect + 64 B + close by RST, 50 at a time", connections, "echo",
		plan.Plan{Kind: plan.CRR, Request: size(64), Conns: 50, Ending: plan.Reset, Verify: true})
	add("download", "connect + 5 MiB by HTTP + close, 8 at a time", downloads, "http",
		plan.Plan{Kind: plan.CRR, Protocol: plan.HTTP, Response: download, Conns: 8})
	for _, n := range []int{1, 16} {
		add(fmt.Sprintf("stream-%d", n), fmt.Sprintf("%d bulk %s", n, plural(n, "stream")), bulk, "sink",
			plan.Plan{Kind: plan.Stream, Request: size(128 << 10), Conns: n, Direction: plan.Up})
	}
	add("hold", "9,000 idle connections that have carried data", held, "echo",
		plan.Plan{Kind: plan.Hold, Request: size(64), Conns: 9000, Touch: true, Verify: true})
	return all
}

// messages are the rows of requests over connections that stay.
func messages(r role, name, base string) (all []Workload) {
	add := func(short, title string, c class, p plan.Plan) {
		p.Kind, p.Verify = plan.RR, true
		if p.Active > 0 {
			p.Kind = plan.Hold
		}
		all = append(all, Workload{Name: name + short, Title: name + ", " + title, plan: p, role: r, class: c, base: base, backend: "echo"})
	}
	for _, row := range []struct {
		bytes plan.Bytes
		conns []int
		class class
	}{{64, []int{1, 20, 100, 1000}, small}, {1 << 10, []int{100}, small}, {16 << 10, []int{100, 1000}, large}} {
		for _, n := range row.conns {
			add(fmt.Sprintf("-%v-%d", row.bytes, n), sizeOf(row.bytes)+", "+conns(n), row.class, plan.Plan{Request: size(int(row.bytes)), Conns: n})
		}
	}
	add("-idle", "64 B, 1,000 connections, 80 % of them idle", small, plan.Plan{Request: size(64), Conns: 1000, Active: 0.2})
	add("-pipeline", "64 B, 100 connections, 16 requests in a pipeline", small, plan.Plan{Request: size(64), Conns: 100, Pipeline: 16})
	return all
}

func size(n int) plan.Mix { return plan.Mix{{Bytes: n, Weight: 1}} }

func sizeOf(b plan.Bytes) string {
	if b >= 1<<10 {
		return fmt.Sprintf("%d KiB", b>>10)
	}
	return fmt.Sprintf("%d B", b)
}

func conns(n int) string {
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
