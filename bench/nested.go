package main

import (
	"errors"
	"fmt"
	"slices"

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
	inner.capture = func(load *common, of *plan.Plan) error {
		c, p = load, of
		return nil
	}
	if err := inner.run(args); err != nil {
		return nil, nil, err
	}
	if p == nil {
		return nil, nil, &exit{exitUsage, fmt.Errorf("%s is no load", args[0])}
	}
	return c, p, nil
}
