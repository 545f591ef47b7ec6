package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// systemFlags say what the system under test is, and where it runs.
type systemFlags struct {
	PID   int    `name:"pid" xor:"system" placeholder:"PID" help:"The system under test: a process that runs already. What it costs is measured, its children included."`
	Start string `xor:"system" placeholder:"CMD" help:"The system under test: a command to start before the load and to end after it, which is to stay in the foreground. Words as in a shell, but nothing is substituted."`
	Pin   string `default:"shared" enum:"shared,split" help:"shared: nothing is pinned, the scheduler decides. split: the generator has the last CPUs, one for each loop, and what --start starts has the others."`

	Beside []int `placeholder:"PID" help:"Processes that belong to the set-up, such as the backends of a relay: what they take of the CPUs is no disturbance. Their children are included."`

	NoCeiling bool `help:"Do not run the same load, for 2 s at most, against the null target, which says what the generator could have shown."`
}

// A stage is where a load takes place.
type stage struct {
	meter   drive.Meter
	system  *measure.System // nil: it is not known
	command string          // of it
	pinning measure.Pinning
	notes   []string
	undo    []func() error
}

// stage pins the generator, and starts or finds the system under test. What cannot be
// is told before any load.
func (f *systemFlags) stage(ctx context.Context, p *plan.Plan) (*stage, error) {
	argv, err := measure.Words(f.Start)
	if err != nil {
		return nil, &exit{exitUsage, fmt.Errorf("--start: %w", err)}
	}
	return f.stageOf(ctx, p, argv)
}

func (f *systemFlags) stageOf(ctx context.Context, p *plan.Plan, argv []string) (s *stage, err error) {
	s = new(stage)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.pinning, err = measure.Pin(f.Pin, 1, p.Loops); err != nil {
		return s, &exit{exitUsage, err}
	}
	switch {
	case len(argv) > 0:
		err = s.start(ctx, p, argv)
	case f.PID != 0:
		err = s.attach(f.PID)
	default:
		s.meter, err = measure.NewMachine()
	}
	if err != nil {
		return s, err
	}
	undo, err := s.pinning.Apply()
	if err != nil {
		return s, err
	}
	s.undo = append(s.undo, undo)
	if s.system == nil {
		s.notes = append(s.notes, "whether other processes took CPU time is not known: name the system under test with --pid or --start")
		return s, nil
	}
	beside, err := measure.AttachAll(f.Beside)
	if err != nil {
		return s, &exit{exitUsage, fmt.Errorf("--beside: %w", err)}
	}
	s.system.Watch(s.pinning.Generator, beside...)
	return s, nil
}

func (s *stage) start(ctx context.Context, p *plan.Plan, argv []string) (err error) {
	if s.system, err = measure.Launch(ctx, argv, s.pinning.Systems[0], p.Target, p.Timeout); err != nil {
		return fmt.Errorf("--start: %w", err)
	}
	s.meter, s.command = s.system, strings.Join(argv, " ")
	s.undo = append(s.undo, s.system.Close)
	return nil
}

func (s *stage) attach(pid int) (err error) {
	if s.system, err = measure.Attach(pid); err != nil {
		return &exit{exitUsage, fmt.Errorf("--pid %d: %w", pid, err)}
	}
	s.meter, s.command = s.system, s.system.Command()
	theirs := s.system.CPUs()
	if slices.ContainsFunc(s.pinning.Generator, func(c int) bool { return slices.Contains(theirs, c) }) {
		s.notes = append(s.notes, fmt.Sprintf("the system under test may use the generator's CPU %v: taskset -acp %v %d keeps it away", s.pinning.Generator, s.pinning.Systems[0], pid))
	}
	return nil
}

// describe puts into a result where it was taken.
func (s *stage) describe(r *result.Result) {
	r.Environment = measure.Environment()
	e := &r.Environment
	e.Pinning, e.System, e.GeneratorCPUs = s.pinning.Mode, s.command, s.pinning.Generator.String()
	if s.system != nil && s.pinning.Mode != measure.Shared {
		e.SystemCPUs = s.system.CPUs().String()
	}
	r.Notes = append(r.Notes, s.notes...)
}

// close ends what was started, and unpins.
func (s *stage) close() {
	for _, undo := range slices.Backward(s.undo) {
		undo()
	}
}

// preflight says what would keep the load from being generated here. Agents see for
// themselves.
func (c *common) preflight(ctx context.Context, p *plan.Plan) error {
	if c.Agents.N > 0 {
		return nil
	}
	if err := load.Check(p); err != nil {
		return usage(err)
	}
	if c.Start != "" { // it is not there yet
		return nil
	}
	return reach(ctx, p.Target, p.Timeout)
}

// usage answers err with the exit code of bad usage if it is that.
func usage(err error) error {
	var invalid *plan.Invalid
	if errors.As(err, &invalid) {
		return &exit{exitUsage, err}
	}
	return err
}

// reach says what keeps a target from being reached, before any load.
func reach(ctx context.Context, t plan.Target, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, t.Network, t.Address)
	if err == nil {
		return c.Close()
	}
	remedy := ""
	var name *net.DNSError
	var late net.Error
	var errno syscall.Errno
	switch {
	case errors.As(err, &late) && late.Timeout():
		err, remedy = context.DeadlineExceeded, fmt.Sprintf("no answer within %v: is it the right address, and is nothing between?", timeout)
	case errors.As(err, &name):
		err, remedy = name, "give an address, or a name that can be resolved here"
	case errors.As(err, &errno) && (errno == syscall.ECONNREFUSED || errno == syscall.ENOENT):
		err, remedy = errno, "nothing listens there: start it, or have it started with --start CMD"
	case errno == syscall.EACCES:
		err, remedy = errno, "the socket is not for this user"
	}
	if remedy != "" {
		remedy = ": " + remedy
	}
	return &exit{exitUsage, fmt.Errorf("target %v: %w%s", t, err, remedy)}
}
