package load

import (
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

func init() { kinds[plan.RR] = func(w *worker) workload { return newRR(w, w.plan, w.plan.Conns) } }

// rr sends requests over connections that stay, and waits for their responses.
type rr struct {
	w      *worker
	plan   *plan.Plan // the worker's, unless this is a part of another load
	conns  []*requester
	active int           // the first of them send
	what   string        // a connection, in errors
	final  bool          // a connection that fails is not opened again, and dead
	quiet  bool          // requests are not counted, nor measured
	aside  bool          // they are measured only
	think  time.Duration // of a closed loop: from a response to the next request
	free   ring          // requesters that can take another request, of an open loop
	buf    []byte
	watch  watch

	turn    int      // the message that is sent next
	matcher *matcher // of answers to messages
}

// newRR makes the load of slots 0 to n-1 of the worker.
func newRR(w *worker, p *plan.Plan, n int) *rr {
	r := &rr{w: w, plan: p, conns: make([]*requester, n), active: n, what: "connection", buf: make([]byte, 0, p.Request.Max())}
	if p.Protocol == plan.Raw {
		r.matcher = newMatcher(p)
	}
	return r
}

func (r *rr) standing() int { return len(r.conns) }

func (r *rr) enter(now int64, n int) {
	if !r.quiet {
		r.w.enter(now, n)
	}
}

func (r *rr) opened(c wire, k int) error {
	q, before := newRequester(r, c, k), r.conns[k]
	r.conns[k] = q
	if before != nil && before.pending.n > 0 { // it was replaced
		q.pending, before.pending.n = before.pending, 0
	}
	if err := c.Serve(q); err != nil {
		return err
	}
	if r.w.halted && q.pending.n == 0 { // it took until now
		return c.Close()
	}
	if r.w.began > 0 && k < r.active { // in place of another one
		if err := q.start(); err != nil {
			q.err = err
			c.Abort() // Closed counts it
		}
	}
	return nil
}

// replace opens another connection in place of one that the target has ended in order.
// What is under way goes to it.
func (r *rr) replace(q *requester) {
	w := r.w
	if w.halted && q.pending.n == 0 {
		return
	}
	told := func(err error) {
		if err != nil {
			r.enter(w.now(), -q.pending.n)
			q.pending.n = 0
			w.fail("dial", err)
			w.again(q.k)
		}
	}
	if err := w.dial(q.k, told); err != nil {
		told(err)
	}
}

func (r *rr) begin() {
	for _, q := range r.conns[:r.active] {
		if q.gone {
			continue
		}
		if err := q.start(); err != nil {
			q.c.Abort()
		}
	}
	if r.plan.Rate > 0 {
		r.w.arrivals.start()
	}
	r.watch.r = r
	r.watch.arm()
}

// A watch looks, now and then, for requests that have waited for the plan's Timeout.
type watch struct {
	r     *rr
	timer loop.Timer
}

func (t *watch) arm() { t.r.w.loop.Arm(&t.timer, t.r.plan.Timeout/4, t) }

// Expire ends the connections of such requests.
func (t *watch) Expire() {
	w := t.r.w
	if w.halted {
		return // what is under way is waited for, and counted
	}
	for _, q := range t.r.conns {
		if q != nil && !q.gone && q.pending.n > 0 && w.loop.Now()-q.pending.first().sent > int64(t.r.plan.Timeout) {
			q.err = errNoAnswer
			q.c.Abort()
		}
	}
	t.arm()
}

// due sends a request on the connection that has been free for longest, or lets it
// wait for one.
func (r *rr) due(intended int64) {
	for q := r.free.pop(); q != nil; q = r.free.pop() {
		if q.gone {
			continue
		}
		q.queued = false
		if err := q.send(intended); err != nil {
			q.c.Abort() // Closed counts it
			continue
		}
		q.offer()
		return
	}
	r.w.arrivals.put(intended)
}

func (r *rr) halt() {
	for _, q := range r.conns {
		if q != nil && !q.gone && q.pending.n == 0 {
			q.c.Close()
		}
	}
}
