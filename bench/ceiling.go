package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// ceilingTime is how long the null target is measured, at most.
const ceilingTime = 2 * time.Second

// nullTarget answers what serves a load at the least cost: nothing where there is no
// rate that it could bound, or where nothing of ours answers as the system must.
func nullTarget(p *plan.Plan) string {
	switch {
	case p.Kind == plan.Hold || p.Kind == plan.Slow || p.Protocol == plan.Echo && p.Response != 0 || p.Protocol == plan.Raw || p.Target.TLS():
		return ""
	case p.Kind == plan.Stream && (p.Direction == plan.Down || p.Direction == plan.Both && !p.Verify):
		return "source"
	case p.Kind == plan.Stream:
		return "sink"
	case p.Protocol == plan.HTTP:
		return "http"
	}
	return "echo"
}

// ceiling runs the load of p against the null target, in the place of the system under
// test, and puts into r how much of that was reached. That it could not be measured is
// a note: the run is none the worse.
//
// A rate that was missed there, too, was missed by the generator, or by this machine,
// and says nothing of the system under test.
func (c *common) ceiling(s *session, p *plan.Plan, r *result.Result) {
	if r.Ceiling != nil || nullTarget(p) == "" || c.NoCeiling || c.Agents.N > 0 || s.ctx.Err() != nil {
		return
	}
	null, err := c.null(s, p, r)
	switch {
	case err != nil:
		r.Notes = append(r.Notes, fmt.Sprintf("the ceiling could not be measured: %v", err))
		return
	case null.Errors > 0 || null.AchievedRate == 0:
		r.Notes = append(r.Notes, fmt.Sprintf("the ceiling could not be measured: %d errors at the null target", null.Errors))
		return
	}
	r.Ceiling = &result.Ceiling{Rate: null.AchievedRate, Response: null.Latency.Response, Share: r.AchievedRate / null.AchievedRate}
	if r.RateMissed && (null.RateMissed || null.GeneratorBound) {
		r.GeneratorBound = true
		r.InvalidReasons = append(r.InvalidReasons, fmt.Sprintf("against the null target the rate was missed, too (%.0f/s): by the generator, or by this machine", null.AchievedRate))
	}
	if p.Rate == 0 && r.Ceiling.Share > 0.9 {
		r.Notes = append(r.Notes, fmt.Sprintf("%.0f %% of the ceiling: it may be the generator that was measured, not the system under test", 100*r.Ceiling.Share))
	}
}

// null is the run against the null target. It answers requests of the user's own, which
// it does not know, with as many bytes as the target did.
func (c *common) null(s *session, p *plan.Plan, r *result.Result) (*result.Result, error) {
	q := *p
	q.Target = beside(p.Target)
	if len(q.Messages) > 0 && r.Completed > 0 {
		q.Messages, q.Response = nil, int(r.BytesIn/r.Completed)
	}
	q.Time = min(p.Time, ceilingTime)
	q.Window = 0
	q.Defaults()
	q.Warmup = 2 * q.Window
	fmt.Fprintf(s.err, "the same load against the null target, for %v\n", q.Time)
	argv, err := nullCommand(&q)
	if err != nil {
		return nil, err
	}
	flags := systemFlags{Pin: c.Pin}
	at, err := flags.stageOf(s.ctx, &q, argv)
	if err != nil {
		return nil, err
	}
	defer at.close()
	return drive.Run(s.ctx, &q, &drive.Options{Source: load.Run})
}

// nullCommand answers the words that start the null target of p, where p's target is.
func nullCommand(p *plan.Plan) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	argv := []string{self, "serve", nullTarget(p), "--listen", p.Target.String(), "--loops", strconv.Itoa(p.Loops)}
	if p.Kind == plan.Stream && !p.Verify { // which says no hello, and asks for no account
		argv = append(argv, "--light")
	}
	return argv, nil
}

// beside answers a place where nothing listens, that is reached as t is.
func beside(t plan.Target) plan.Target {
	if t.Network == "unix" {
		return plan.Target{Network: "unix", Address: "@penstock-bench-null-" + strconv.Itoa(os.Getpid())}
	}
	addr, err := measure.FreeAddress()
	if err != nil {
		addr = "127.0.0.1:7"
	}
	return plan.Target{Network: "tcp", Address: addr}
}
