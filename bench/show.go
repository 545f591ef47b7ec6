package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/metrics"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/threshold"
	"github.com/penstock/penstock/bench/view"
)

// showFlags say how a run is shown, and what it is to keep.
type showFlags struct {
	Quiet      bool                  `short:"q" help:"Show nothing while the run goes on."`
	JSON       string                `name:"json" placeholder:"FILE" help:"Save the result. -: to the standard output, and the table to the standard error."`
	Thresholds []threshold.Threshold `name:"threshold" placeholder:"WHAT" help:"What the run is to keep, or the exit code is 4: 'p99<200us', 'rate>10000', 'cpu<9us'. Repeatable. Percentiles are of the response time, or as in p50.service."`
	Metrics    string                `placeholder:"HOST:PORT" help:"Answer Prometheus at http://HOST:PORT/metrics while the run goes on."`
}

// show begins to show a run of p. What it answers is closed when the run has ended.
func (f *showFlags) show(s *session, p *plan.Plan, o *drive.Options) (view.View, error) {
	_, known := o.Meter.(*measure.System)
	for _, t := range f.Thresholds {
		if t.OfSystem() && !known {
			return nil, &exit{exitUsage, fmt.Errorf("--threshold %s: is of the system under test, which has to be named with --pid or --start", t)}
		}
	}
	var views view.Several
	if f.Metrics != "" {
		m, err := metrics.Listen(f.Metrics, p)
		if err != nil {
			return nil, &exit{exitUsage, err}
		}
		views = append(views, m)
	}
	if !f.Quiet {
		views = append(views, view.New(s.err, p))
	}
	o.View = views
	return views, nil
}

// check says what else would be found out only after the run.
func (f *showFlags) check() error {
	if f.JSON == "" || f.JSON == "-" {
		return nil
	}
	return checkJSON(f.JSON)
}

// checkJSON says what keeps a result from being saved, before there is one.
func checkJSON(file string) error {
	if file == "" {
		return nil
	}
	if err := result.CheckFile(file); err != nil {
		return &exit{exitUsage, fmt.Errorf("--json %s: %w", file, err)}
	}
	return nil
}

// conclude prints and saves a result, and answers an error if it is invalid or misses
// a threshold.
func (f *showFlags) conclude(s *session, r *result.Result) error {
	table := s.out
	if f.JSON == "-" {
		table = s.err
	}
	view.Table(table, r)
	if err := f.save(s.out, r); err != nil {
		return err
	}
	if !r.Valid {
		return &exit{exitInvalid, errors.New("the run is invalid")}
	}
	for _, t := range r.Thresholds {
		if !t.Kept {
			return &exit{exitThreshold, fmt.Errorf("the threshold %s was missed: %s", t.Want, t.Got)}
		}
	}
	return nil
}

func (f *showFlags) save(out io.Writer, r *result.Result) error {
	switch f.JSON {
	case "":
		return nil
	case "-":
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.Save(f.JSON)
}
