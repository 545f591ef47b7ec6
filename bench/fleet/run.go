package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A member is an agent in a run, as the controller knows it.
type member struct {
	name, id, host string
	plan           plan.Plan // its share
	ready          bool
	ended          bool      // its last window has come
	heard          time.Time // when there was a word of it
	told           time.Time // when there was a window
	windows        []window  // not merged yet
	next           int       // number of the window that comes next
	lost           string    // why, if it was
}

// A window is what a member saw, and when it came.
type window struct {
	*result.Interval
	at time.Time
}

// A run is one under way. It belongs to the goroutine that called Source: messages
// come through a channel, and there is no lock.
type run struct {
	*Fleet
	id      string
	plan    *plan.Plan
	tell    func(*result.Interval)
	members []*member
	refused map[string]string // name and connection → why
	inbox   chan *nats.Msg
	pongs   string // where answers to pings come, with the connection's name at the end
	subs    []*nats.Subscription
	ticker  *time.Ticker
	ticked  time.Time
	phase   phase
}

type phase int

const (
	waiting phase = iota // for agents
	connecting
	running
	stopping
)

func newRun(f *Fleet, p *plan.Plan, tell func(*result.Interval)) *run {
	return &run{
		Fleet: f, id: nuid.Next(), plan: p, tell: tell, refused: map[string]string{},
		inbox: make(chan *nats.Msg, inbox), pongs: nats.NewInbox() + ".", ticker: time.NewTicker(beat), ticked: time.Now(),
	}
}

// listen subscribes to what agents send.
func (r *run) listen() error {
	for _, subject := range []string{runSubject(r.id), r.pongs + "*"} {
		s, err := r.conn.ChanSubscribe(subject, r.inbox)
		if err != nil {
			return fmt.Errorf("agents: %w", err)
		}
		r.subs = append(r.subs, s)
	}
	return nil
}

// end lets those go that are still there.
func (r *run) end() {
	r.orderAll(doStop)
	r.ticker.Stop()
	for _, s := range r.subs {
		s.Unsubscribe()
	}
	r.conn.Flush()
}

// order sends one to a member. That it cannot be sent shows when the connection is
// lost, or nothing comes back.
func (r *run) order(m *member, o order) {
	o.Run = r.id
	r.conn.Publish(agentSubject(m.id), encode(o))
}

func (r *run) orderAll(do string) {
	for _, m := range r.members {
		r.order(m, order{Do: do})
	}
}

// await takes messages in until done, and looks after the members meanwhile.
func (r *run) await(ctx context.Context, done func() bool) error {
	for !done() {
		select {
		case m := <-r.inbox:
			r.take(m)
		case <-r.ticker.C:
			r.tick(time.Now())
		case <-r.closed:
			return errLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// take takes a message in.
func (r *run) take(m *nats.Msg) {
	if id, ok := strings.CutPrefix(m.Subject, r.pongs); ok {
		r.pong(id, m.Header.Get("Status") == noResponders)
		return
	}
	var p report
	if err := json.Unmarshal(m.Data, &p); err != nil {
		r.say("what is no report: %v", err)
		return
	}
	if p.Is == isHere {
		r.consider(&p)
		return
	}
	if from := r.member(p.ID); from != nil && from.lost == "" {
		from.heard = time.Now()
		r.report(from, &p)
	}
}

// report takes a member's report in.
func (r *run) report(from *member, p *report) {
	switch p.Is {
	case isReady:
		from.ready = true
		r.say("%s is connected", from.name)
	case isWindow:
		r.window(from, p.Window)
	case isFailed:
		r.dismiss(from, p.Why)
	}
}

func (r *run) member(id string) *member {
	for _, m := range r.members {
		if m.id == id {
			return m
		}
	}
	return nil
}
