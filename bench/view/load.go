package view

import (
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
	add(p.Kind == plan.CRR, "ends by %s", p.Ending)
	add(p.Active > 0, "%s active", figure.Share(p.Active))
	add(p.Loops > 1, "%s", several(p.Loops, "loop"))
	return strings.Join(parts, " · ")
}

func requests(p *plan.Plan) string {
	sizes := p.Request.String() + " B"
	if strings.HasSuffix(p.Request.String(), "B") {
		sizes = p.Request.String()
	}
	switch {
	case p.Protocol == plan.HTTP:
		return fmt.Sprintf("http GET, %s back", figure.Bytes(int64(p.Response)))
	case p.Response > 0:
		return fmt.Sprintf("%s, %s back", sizes, figure.Bytes(int64(p.Response)))
	}
	return sizes
}
