package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/bench/ab"
	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

// turns runs the load of one plan against systems that it starts and ends.
type turns struct {
	plan     *plan.Plan
	commands []func(addr string) ([]string, error) // the words that start a system which is to listen on addr
	own      bool                                  // each system is given a free port of 127.0.0.1; else the plan's target is where they listen
	pinMode  string
	pin      measure.Pinning
	beside   []*measure.System // what belongs to the set-up, such as the backend of relays

	noCeiling bool
}

func (t *turns) compare(s *session, b *ab.Bench) (_ *result.Comparison, err error) {
	together := 1
	if b.Together {
		together = 2
	}
	if err := load.Check(t.plan); err != nil { // which raises the limit of descriptors, for the systems as well
		return nil, usage(err)
	}
	if t.pin, err = measure.Pin(t.pinMode, together, together*t.plan.Loops); err != nil {
		return nil, &exit{exitUsage, err}
	}
	undo, err := t.pin.Apply()
	if err != nil {
		return nil, err
	}
	defer undo()
	for i, system := range b.Systems { // before minutes are spent on the first of them
		if err := t.starts(s.ctx, i); err != nil {
			return nil, fmt.Errorf("%s: %w", system.Name, err)
		}
	}
	c, err := b.Run(s.ctx)
	if err == nil {
		t.ceiling(s, c)
	}
	return c, err
}

// starts says why system i cannot be measured.
func (t *turns) starts(ctx context.Context, i int) error {
	system, _, _, err := t.launch(ctx, i, t.pin.Systems[0])
	if err != nil {
		return err
	}
	return system.Close()
}

// ceiling takes a turn against the null target.
func (t *turns) ceiling(s *session, c *result.Comparison) {
	if nullTarget(t.plan) == "" || t.noCeiling || s.ctx.Err() != nil {
		return
	}
	p := *t.plan
	p.Target = beside(p.Target)
	words, err := nullCommand(&p)
	if err != nil {
		return
	}
	system, err := measure.Launch(s.ctx, words, t.pin.Systems[0], p.Target, p.Timeout)
	if err != nil {
		fmt.Fprintf(s.err, "the ceiling could not be measured: %v\n", err)
		return
	}
	defer system.Close()
	r, err := drive.Run(s.ctx, &p, &drive.Options{Source: load.Run, Meter: system})
	if err != nil || r.Errors > 0 || r.AchievedRate == 0 {
		fmt.Fprintf(s.err, "the ceiling could not be measured: %v\n", cmp.Or(err, errors.New("errors at the null target")))
		return
	}
	fastest := 0.0
	for i := range c.Systems {
		fastest = max(fastest, view.MedianOf(&c.Systems[i], func(t *result.Turn) float64 { return t.Rate }))
	}
	c.Ceiling = &result.Ceiling{Rate: r.AchievedRate, Response: r.Latency.Response, Share: fastest / r.AchievedRate}
}

// take is one turn: of one system, or of several at the same time.
func (t *turns) take(ctx context.Context, at ...int) ([]*result.Result, error) {
	results, errs := make([]*result.Result, len(at)), make([]error, len(at))
	var all sync.WaitGroup
	for k, i := range at {
		all.Go(func() { results[k], errs[k] = t.one(ctx, i, t.pin.Systems[k]) })
	}
	all.Wait()
	return results, errors.Join(errs...)
}

func (t *turns) one(ctx context.Context, i int, cpus measure.CPUs) (r *result.Result, err error) {
	system, p, words, err := t.launch(ctx, i, cpus)
	if err != nil {
		return nil, err
	}
	t.watch(system)
	defer func() { err = errors.Join(err, system.Close()) }()
	r, err = drive.Run(ctx, &p, &drive.Options{Source: load.Run, Meter: system})
	if err != nil {
		return nil, err
	}
	r.Environment = measure.Environment()
	r.Environment.Pinning, r.Environment.System = t.pin.Mode, strings.Join(words, " ")
	return r, nil
}

// echoTimeout is how long a system has to give back the first message.
const echoTimeout = 10 * time.Second

// echoes returns an error unless system i gives back what the plan's requests send it,
// byte for byte.
func (t *turns) echoes(ctx context.Context, i int, cpus measure.CPUs) (err error) {
	system, p, _, err := t.launch(ctx, i, cpus)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, system.Close()) }()
	for began := time.Now(); ; {
		r, err := drive.Run(ctx, &p, &drive.Options{Source: load.Run})
		switch {
		case err != nil:
			return err
		case r.Errors > 0:
			return fmt.Errorf("does not give back what it is sent: %v", r.ErrorsByKind)
		case r.BytesVerified > 0:
			return nil
		case time.Since(began) > echoTimeout:
			return fmt.Errorf("gives nothing back of what it is sent within %v", echoTimeout)
		}
	}
}

// launch starts system i, and answers the load that goes to it, and the words that
// started it.
func (t *turns) launch(ctx context.Context, i int, cpus measure.CPUs) (*measure.System, plan.Plan, []string, error) {
	p := *t.plan
	if t.own {
		addr, err := measure.FreeAddress()
		if err != nil {
			return nil, p, nil, err
		}
		p.Target = p.Target.At(addr)
	}
	words, err := t.commands[i](p.Target.Address)
	if err != nil {
		return nil, p, nil, err
	}
	system, err := measure.Launch(ctx, fillAddress(words, p.Target.Address), cpus, p.Target, p.Timeout)
	return system, p, words, err
}

// watch has a system find out what others take of the CPUs. In a duet each of the two
// takes of the other's.
func (t *turns) watch(system *measure.System) {
	if t.pinMode != measure.Duet {
		system.Watch(t.pin.Generator, t.beside...)
	}
}

// fillAddress puts an address where words say {addr}, and its port where they say {port}.
func fillAddress(words []string, addr string) []string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		port = addr
	}
	r := strings.NewReplacer("{addr}", addr, "{port}", port)
	filled := make([]string, len(words))
	for i, w := range words {
		filled[i] = r.Replace(w)
	}
	return filled
}
