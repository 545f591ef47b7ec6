package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// An Agent generates load for controllers, one run after another.
type Agent struct {
	URL   string // of NATS
	Name  string // unique among the agents of a run
	Token string
	Once  bool // one run only
	Log   io.Writer
}

// Serve takes orders until ctx ends, which is no error; of one run only, if Once is
// set. An error is that orders cannot be had, or that the one run failed.
func (a *Agent) Serve(ctx context.Context) error {
	if err := CheckName(a.Name); err != nil {
		return err
	}
	a.say("waiting for a controller at %s", Bare(a.URL))
	for ctx.Err() == nil {
		l, err := a.dial(ctx)
		if err != nil {
			return err
		}
		if l == nil {
			break
		}
		err = l.serve(ctx)
		l.conn.Close()
		if err != errLost {
			return err
		}
	}
	return nil
}

// redial is how often it is tried to reach NATS, which is there only while a controller
// is, if it is the controller's.
const redial = 250 * time.Millisecond

// dial connects, when that can be done. It answers nil if ctx ends before.
func (a *Agent) dial(ctx context.Context) (*link, error) {
	options := []nats.Option{nats.Name("penstock-bench " + a.Name), nats.NoReconnect(), nats.Timeout(2 * time.Second)}
	if a.Token != "" {
		options = append(options, nats.Token(a.Token))
	}
	for said := ""; ; {
		l := &link{Agent: a, id: nuid.Next(), orders: make(chan *order, 64)}
		lost, lose := context.WithCancelCause(context.Background())
		l.lost = lost
		conn, err := nats.Connect(a.URL, append(options, nats.ClosedHandler(func(*nats.Conn) { lose(errLost) }))...)
		switch {
		case err == nil:
			l.conn = conn
			return l, l.listen()
		case errors.Is(err, nats.ErrAuthorization):
			return nil, fmt.Errorf("%s: %w: --token must be what the controller's --agents-token is", Bare(a.URL), err)
		case err.Error() != said && !errors.Is(err, nats.ErrNoServers):
			said = err.Error()
			a.say("%s: %v; trying on", Bare(a.URL), err)
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(redial):
		}
	}
}

// say tells what the agent does.
func (a *Agent) say(format string, args ...any) {
	if a.Log != nil {
		fmt.Fprintf(a.Log, "agent %s: "+format+"\n", append([]any{a.Name}, args...)...)
	}
}

var credentials = regexp.MustCompile(`//[^/@,]*@`)

// Bare is a URL without what is secret of it.
func Bare(url string) string { return credentials.ReplaceAllString(url, "//") }

// A link is a connection of an agent to NATS. With every one the agent is another to
// controllers, so that nobody takes the word of one for that of the other.
type link struct {
	*Agent
	id     string
	conn   *nats.Conn
	lost   context.Context // done when the connection is
	orders chan *order     // but those to stop
	duty   duty
}

// listen subscribes to orders.
func (l *link) listen() error {
	pong := func(m *nats.Msg) {
		l.duty.heard.Store(time.Now().UnixNano())
		m.Respond(nil)
	}
	_, err := l.conn.Subscribe(pingSubject(l.id), pong)
	for _, subject := range []string{agentSubject(l.id), callSubject} {
		_, e := l.conn.Subscribe(subject, l.take)
		err = errors.Join(err, e)
	}
	if err != nil {
		l.conn.Close()
		return fmt.Errorf("%s: %w", Bare(l.URL), err)
	}
	return nil
}

// take takes an order. One to stop is obeyed at once; the others in turn.
func (l *link) take(m *nats.Msg) {
	o := new(order)
	switch err := json.Unmarshal(m.Data, o); {
	case err != nil && m.Subject == callSubject: // of whoever else uses the cluster
	case err != nil:
		l.duty.end(fmt.Errorf("an order that cannot be read: %w", err))
	case o.Do == doStop && l.duty.admits(o):
		l.duty.end(errStopped)
	case l.duty.admits(o):
		l.orders <- o
	}
}

// serve answers calls, until ctx ends or the connection is lost, which is errLost:
// where the controller has a server of its own it takes that along.
func (l *link) serve(ctx context.Context) error {
	said := ""
	for {
		select {
		case <-ctx.Done():
			l.say("stopped")
			return nil
		case <-l.lost.Done():
			return errLost
		case o := <-l.orders:
			if o.Do != doCall {
				continue
			}
			begun, err := l.run(ctx, o.Run)
			switch {
			case err == errLost && !begun:
			case err != nil && l.Once:
				return fmt.Errorf("the run failed: %w", err)
			case err != nil && err.Error() != said:
				said = err.Error()
				l.say("%v", err)
			case begun && l.Once:
				return nil
			}
		}
	}
}

// report sends a report, of which Is, and what goes with it, is given.
func (l *link) report(run string, r report) error {
	r.Agent, r.ID = l.Name, l.id
	return l.conn.Publish(runSubject(run), encode(r))
}

// introduce says who is here.
func (l *link) introduce(run string) {
	host, _ := os.Hostname()
	l.report(run, report{Is: isHere, Host: host, Schema: schema, Revision: revision()})
}
