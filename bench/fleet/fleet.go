// Package fleet leads load generators on many machines, over NATS, where one is not
// enough: a Fleet is the controller, a drive.Source whose load others generate; an
// Agent is one of those. Plans go out; whole histograms come back, window by window,
// and are merged, since percentiles cannot be. An agent that dies, lags or fails makes
// the run invalid, by name. PROTOCOL.md has the messages.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// Options are how a fleet is led.
type Options struct {
	Crew     Crew
	URL      string        // of a NATS cluster. Empty: a server is started here
	Listen   string        // where that server listens
	Token    string        // what agents must know. Empty: nothing
	Wait     time.Duration // at most so long for agents
	Progress io.Writer     // who is there, and who is missing
}

// A Fleet is the controller of agents. It leads one run at a time.
type Fleet struct {
	*Options
	server *server.Server // nil: somebody else's
	conn   *nats.Conn
	closed chan struct{} // the connection was lost
	last   []*member     // those of the latest run
}

// New starts a server or connects to one.
func New(o *Options) (f *Fleet, err error) {
	f = &Fleet{Options: o, closed: make(chan struct{})}
	options := []nats.Option{
		nats.Name("penstock-bench"), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(f.closed) }),
		// Not the default, which writes to stderr. What is dropped is missed by its number.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	if o.URL == "" {
		if f.server, err = serve(o.Listen, o.Token); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(f.server))
	}
	if f.conn, err = nats.Connect(o.URL, options...); err != nil {
		f.shutdown()
		return nil, fmt.Errorf("--nats %s: %w", Bare(o.URL), err)
	}
	return f, nil
}

// URL is what agents on this machine connect to.
func (f *Fleet) url() string {
	if f.server != nil {
		return url(f.server)
	}
	return f.conn.ConnectedUrlRedacted()
}

// Close ends the connection, and the server.
func (f *Fleet) Close() {
	f.conn.Close()
	<-f.closed
	f.shutdown()
}

func (f *Fleet) shutdown() {
	if f.server != nil {
		f.server.Shutdown()
		f.server.WaitForShutdown()
	}
}

// inbox is how many messages may wait while windows are told of.
const inbox = 64 << 10

// Source generates the load of p by agents: a drive.Source. An error is that there was
// no load; what befell agents under way is in Agents.
func (f *Fleet) Source(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
	f.last = nil
	r := newRun(f, p, tell)
	if err := r.listen(); err != nil {
		return err
	}
	defer r.end()
	if err := r.muster(ctx); err != nil {
		return err
	}
	f.last = r.members
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.lead(ctx)
	return nil
}

// Agents answers who generated the load of the latest run, and who was lost in it.
func (f *Fleet) Agents() (all []result.Agent) {
	for _, m := range f.last {
		all = append(all, result.Agent{Name: m.name, Host: m.host, Loops: m.plan.Loops, Lost: m.lost})
	}
	return all
}

// say tells of progress.
func (f *Fleet) say(format string, args ...any) {
	if f.Progress != nil {
		fmt.Fprintf(f.Progress, "agents: "+format+"\n", args...)
	}
}

var errLost = errors.New("the connection to NATS was lost")
