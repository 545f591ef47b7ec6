package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/plan"
)

// nested answers the load that a command line such as rr tcp://… -c 100 asks for,
// which is checked, and not run.
func (s *session) nested(args []string) (c *common, p *plan.Plan, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, nil, &exit{exitUsage, errors.New("no load: give one behind the flags, such as: rr tcp://127.0.0.1:7000 -c 100")}
	}
	inner := *s
	inner.args = slices.Clone(args)
	inner.capture = func(of *common, asked *plan.Plan) error {
		c, p = of, asked
		return nil
	}
	if err := inner.run(args); err != nil {
		return nil, nil, err
	}
	if c.JSON != "" || len(c.Thresholds) > 0 || c.Metrics != "" {
		return nil, nil, &exit{exitUsage, errors.New("--json, --threshold and --metrics are of one run: leave them out of the load")}
	}
	return c, p, nil
}

// isLoad is what load commands have of their common flags, and others have not.
func (c *common) isLoad() {}

// rated says why the load of a search or a scan cannot have a rate of their choice.
func rated(c *common, p *plan.Plan, rate float64) error {
	if c.Rate != 0 {
		return &exit{exitUsage, fmt.Errorf("-r %v: the rates are chosen here: leave it out of the load", c.Rate)}
	}
	q := *p
	q.Rate = rate
	if err := q.Check(); err != nil {
		return usage(err)
	}
	return usage(load.Check(&q))
}
