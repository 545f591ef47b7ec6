package view

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
)

// Load says in a line what a plan does.
func Load(p *plan.Plan) string {
	rate := "closed loop"
	if p.Rate > 0 {
		rate = figure.Rate(p.Kind, p.Rate) + ", " + p.Arrival
	}
	return Shape(p) + " · " + rate
}

// Shape says it but for the rate, in which runs of a scan differ.
func Shape(p *plan.Plan) string {
	parts := []string{fmt.Sprintf("%s %v", p.Kind, p.Target), several(p.Conns, "connection")}
	add := func(ok bool, format string, args ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(p.Kind == plan.Stream, "%s", p.Direction)
	add(p.Kind != plan.Stream, "%s", requests(p))
	add(p.Pipeline > 1, "pipeline %d", p.Pipeline)
	add(p.Fragments > 1, "%d fragments", p.Fragments)
	add(p.Kind == plan.CRR || p.Kind == plan.Churn, "ends by %s", p.Ending)
	add(p.Kind == plan.Hold, "%s active", figure.Share(p.Active))
	add(p.Kind == plan.Slow, "%ss %s a second", p.Side, figure.Bytes(int64(p.Pace)))
	add(p.Probes > 0, "%s beside them", several(p.Probes, "probe"))
	add(p.Pause > 0, "a pause of %v", p.Pause)
	add(p.Kind == plan.Stream && !p.Verify, "not verified")
	add(p.Loops > 1, "%s", several(p.Loops, "loop"))
	return strings.Join(parts, " · ")
}

func requests(p *plan.Plan) string {
	sizes := p.Request.String() // a mix
	if len(p.Request) == 1 {
		sizes = figure.Bytes(int64(p.Request[0].Bytes))
	}
	switch {
	case len(p.Messages) == 1:
		line, _, _ := bytes.Cut(p.Messages[0].Bytes, []byte("\r\n"))
		return fmt.Sprintf("%.60q", strings.TrimSuffix(string(line), " HTTP/1.1"))
	case len(p.Messages) > 1:
		return several(len(p.Messages), "request") + " in turn"
	case p.Protocol == plan.HTTP:
		return fmt.Sprintf("http GET, %s back", figure.Bytes(int64(p.Response)))
	case p.Response > 0:
		return fmt.Sprintf("%s, %s back", sizes, figure.Bytes(int64(p.Response)))
	}
	return sizes
}
