package soak

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// restTime is how long the forwarder may take to give everything back once both ends
// of all connections are gone: a reset that a dead link swallowed is found by a
// keep-alive probe, 2 s later, and its pipes are trimmed a second or two after that.
const restTime = 15 * time.Second

// rest waits until the forwarder holds nothing, and takes a sample.
func (r *run) rest(ctx context.Context) error {
	var s *state
	for deadline := time.Now().Add(restTime); ; {
		m, err := r.forwarder.ask(ctx, "state", r.patience)
		if err != nil {
			return err
		}
		if s = m.State; s.held() == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("soak: %v after all connections have ended: %w\n%s", restTime, s.held(), r.net.sockets())
		}
		sleep(ctx, 50*time.Millisecond)
	}
	if _, err := r.forwarder.ask(ctx, "collect", r.patience); err != nil {
		return err
	}
	if r.fault != "" {
		return nil
	}
	sample, err := takeSample(r.forwarder.cmd.Process.Pid, time.Since(r.began), s.Goroutines)
	if err != nil {
		return err
	}
	r.samples = append(r.samples, sample)
	if r.verbose {
		fmt.Fprintf(r.out, "%5.1f s: at rest: %d descriptors, %d KiB, %d goroutines\n",
			sample.at.Seconds(), sample.descriptors, sample.memory, sample.goroutines)
	}
	if first := r.samples[0]; sample.descriptors != first.descriptors {
		return fmt.Errorf("soak: %d descriptors at rest, %d at the start", sample.descriptors, first.descriptors)
	}
	return nil
}

// held says what the forwarder has not given back.
func (s *state) held() error {
	if s.Conns != 0 || s.Relays != 0 || s.InFlight != 0 || s.Buffers != 0 || s.Pipes.Leased != 0 || s.Pipes.Stock != 0 || s.Pages != 0 {
		return fmt.Errorf("the forwarder holds %d connections, %d relays, %d bytes in flight, %d buffers, %d leased pipes and %d in stock, %d pages",
			s.Conns, s.Relays, s.InFlight, s.Buffers, s.Pipes.Leased, s.Pipes.Stock, s.Pages)
	}
	if s.Panics != 0 || s.StaleNever != 0 {
		return fmt.Errorf("the forwarder has had %d panics, and %d events of registrations that never were", s.Panics, s.StaleNever)
	}
	return nil
}

// closed says what the forwarder has not given back at its end.
func (s *state) closed() error {
	if s.Registered != s.Unregistered || s.Pipes.Created != s.Pipes.Destroyed {
		return fmt.Errorf("soak: at its end the forwarder had registered %d and unregistered %d, made %d pipes and destroyed %d",
			s.Registered, s.Unregistered, s.Pipes.Created, s.Pipes.Destroyed)
	}
	return s.held()
}

// stop ends the roles, the load first. It may be called again.
func (r *run) stop() (err error) {
	for _, p := range []**process{&r.client, &r.forwarder, &r.backend} {
		if *p == nil {
			continue
		}
		last, e := (*p).end()
		if e != nil {
			err = errors.Join(err, fmt.Errorf("soak: the %s: %w\n%s", (*p).name, e, (*p).stderr.String()))
		}
		if p == &r.forwarder {
			r.final = last.State
		}
		*p = nil
	}
	return err
}
