package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// A run is a soak under way.
type run struct {
	*settings
	out    io.Writer
	net    *network
	began  time.Time
	oracle oracle // its deadlocks guarded by mu
	next   uint64 // connection
	waves  int

	client, forwarder, backend *process

	downs, shaped, killed int
	samples               []sample
	final                 *state // what the forwarder said last

	mu      sync.Mutex
	records []*record // guarded by mu; of this wave
	checked uint64    // guarded by mu; bytes received so far
	ended   uint64    // guarded by mu; connections
	last    *state    // guarded by mu; the last tick
}

// nobody is the user and group that the forwarder becomes.
const nobody = "65534"

// run runs the soak, prints its report, and removes all that it made.
func (s *settings) run(ctx context.Context, out io.Writer) (err error) {
	r := &run{settings: s, out: out, net: &network{}, oracle: oracle{seed: s.seed, patience: s.patience}, next: 1, last: new(state)}
	if !s.plain {
		if r.net, err = newNetwork(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.net.remove()) }()
	}
	fmt.Fprintf(out, "soak: seed %d, %v minutes, %d connections at a time\n", s.seed, s.minutes, s.atOnce)
	defer func() { err = errors.Join(err, r.stop()) }() // on an error, or a signal
	if err := r.start(ctx); err != nil {
		return err
	}
	err = r.load(ctx)
	if e := r.stop(); err == nil {
		err = e
	}
	r.report()
	return r.verdict(err)
}

// start starts the roles, each told where the one before it listens.
func (r *run) start(ctx context.Context) (err error) {
	common := []string{"-seed", fmt.Sprint(r.seed), "-patience", r.patience.String()}
	begin := func(name, host string, args ...string) (*process, []string, error) {
		if r.plain {
			args = append(args, "-port", "0")
		} else {
			args = append(args, "-host", host, "-port", fmt.Sprint(listenPort))
		}
		p, err := startRole(r.net.within(name), name, append(args, common...), r.heard)
		if err != nil {
			return nil, nil, err
		}
		m, err := p.hear(ctx, 30*time.Second)
		return p, m.Ready, err
	}
	var at []string
	if r.backend, at, err = begin("backend", backendAt); err != nil {
		return err
	}
	args := []string{"-to", at[0], "-fault", r.fault}
	if !r.plain {
		args = append(args, "-user", nobody)
	}
	if r.forwarder, at, err = begin("forwarder", forwarderAt, args...); err != nil {
		return err
	}
	r.client, _, err = begin("client", clientAt, "-to", strings.Join(at, ","))
	return err
}

// heard takes in records and ticks.
func (r *run) heard(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.State != nil {
		r.last = m.State
		return
	}
	r.records = append(r.records, m.Record)
	r.checked += m.Record.Received
	if m.Record.Side == client {
		r.ended++
	}
}

// load makes wave after wave, with a sample before the first and after each.
func (r *run) load(ctx context.Context) (err error) {
	r.began = time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go r.progress(ctx)
	if !r.plain {
		watched := make(chan error, 1)
		go func() { watched <- r.watch(ctx) }()
		defer func() {
			cancel()
			err = errors.Join(err, <-watched)
		}()
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	for end := r.began.Add(time.Duration(r.minutes * float64(time.Minute))); time.Now().Before(end); {
		lasts := min(r.waveTime(), max(time.Until(end), time.Second))
		if err := r.wave(ctx, lasts); err != nil {
			return err
		}
		if r.oracle.bad() {
			return errors.New("soak: the oracle has found faults")
		}
	}
	return nil
}

// wave loads for a time, waits until both ends of all connections have told what
// they saw and the forwarder is at rest, and judges it.
func (r *run) wave(ctx context.Context, lasts time.Duration) error {
	r.waves++
	t := &trouble{net: r.net, shape: r.shape, random: rand.New(rand.NewPCG(r.seed, 1<<63|uint64(r.waves)))}
	troubled, calm := context.WithTimeout(ctx, lasts)
	defer calm()
	trouble := make(chan error, 1)
	go func() {
		if r.plain {
			trouble <- nil
		} else {
			trouble <- t.run(troubled)
		}
	}()
	command := fmt.Sprintf("wave %d %d %d", r.next, lasts.Milliseconds(), r.atOnce)
	m, err := r.client.ask(ctx, command, lasts+r.longest())
	calm()
	if err = errors.Join(err, <-trouble); err == nil {
		r.next = m.Wave.Next
		err = r.settle(ctx, t.kills)
	}
	r.downs, r.shaped, r.killed = r.downs+t.downs, r.shaped+t.shaped, r.killed+t.killed
	return err
}

// settle waits until nobody holds a connection, and judges the wave; not before, as
// half of the records would blame the forwarder for the rest. The backend is asked
// twice: what waited in its backlog at first has been accepted, and told of, when the
// forwarder has come to rest.
func (r *run) settle(ctx context.Context, kills []kill) error {
	if err := r.quiet(ctx); err != nil {
		return err
	}
	restless := r.rest(ctx)
	if err := r.quiet(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.oracle.judge(r.records, kills)
	r.records = nil
	return restless
}

// longest is how long a connection may take: it hangs after patience without a
// byte, and the slowest of those that move are done in less than this.
func (r *run) longest() time.Duration { return 2*r.patience + 2*time.Minute }

// quiet waits until the backend has told of all its connections.
func (r *run) quiet(ctx context.Context) error {
	for deadline := time.Now().Add(r.longest()); ; {
		m, err := r.backend.ask(ctx, "open", r.patience)
		if err != nil || *m.Open == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("soak: %d connections of the backend do not end", *m.Open)
		}
		sleep(ctx, 50*time.Millisecond)
	}
}
