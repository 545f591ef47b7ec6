package load

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/content"
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
}

// newRR makes the load of slots 0 to n-1 of the worker.
func newRR(w *worker, p *plan.Plan, n int) *rr {
	return &rr{w: w, plan: p, conns: make([]*requester, n), active: n, what: "connection", buf: make([]byte, 0, p.Request.Max())}
}

func (r *rr) standing() int { return len(r.conns) }

func (r *rr) enter(now int64, n int) {
	if !r.quiet {
		r.w.enter(now, n)
	}
}

func (r *rr) opened(c *loop.Conn, k int) error {
	q := newRequester(r, c, k)
	r.conns[k] = q
	if err := c.Serve(q); err != nil {
		return err
	}
	if r.w.halted { // it took until now
		return c.Close()
	}
	if r.w.began > 0 && k < r.active { // in place of one that failed
		return q.start()
	}
	return nil
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

// A requester is one connection: a Session.
type requester struct {
	r       *rr
	c       *loop.Conn
	k       int
	out, in content.Stream
	pending requests
	reply   reply
	left    int // of the response that is coming in: bytes to come, 0 before its first
	queued  bool
	started bool
	gone    bool
	since   int64 // when it became free
	err     error // what we found wrong ourselves
	rest    []byte
	told    func(error) // waits for the answer to an ask
}

func newRequester(r *rr, c *loop.Conn, k int) *requester {
	name := content.Stream{K: r.w.first + uint64(k)}
	q := &requester{r: r, c: c, k: k, out: name, in: name}
	q.pending.of = make([]request, r.plan.Pipeline)
	return q
}

// start fills the connection with requests, or offers it to those that will be due.
func (q *requester) start() error {
	q.since, q.started = q.r.w.now(), true
	if q.r.plan.Rate > 0 {
		q.offer()
		return nil
	}
	return q.fill(q.since)
}

// offer puts the connection among the free ones if it can take a request.
func (q *requester) offer() {
	if !q.queued && !q.gone && q.pending.n < len(q.pending.of) {
		q.queued = true
		q.r.free.push(q)
	}
}

// fill sends as many requests as the pipeline has room for, in one write.
func (q *requester) fill(now int64) error {
	w := q.r.w
	if w.halted {
		return nil
	}
	b := q.r.buf[:0]
	n := len(q.pending.of) - q.pending.n
	for range n {
		b = q.compose(b, now, now)
	}
	q.r.enter(now, n)
	q.r.buf = b
	return q.write(b)
}

// resume is fill after a while.
func (q *requester) resume() {
	if q.gone {
		return
	}
	if err := q.fill(q.r.w.now()); err != nil {
		q.c.Abort()
	}
}

// send sends one request that was to be sent at a moment that is over.
func (q *requester) send(intended int64) error {
	w := q.r.w
	now := w.now()
	w.seen.Lag.Record(now - intended)
	w.seen.Late.Record(now - max(intended, q.since))
	q.r.enter(now, 1)
	q.r.buf = q.compose(q.r.buf[:0], intended, now)
	return q.write(q.r.buf)
}

// compose appends a request to b, and notes that it is under way.
func (q *requester) compose(b []byte, intended, now int64) []byte {
	p := q.r.plan
	n := p.Request.Draw(q.r.w.random)
	answer := p.Response
	if answer == 0 {
		answer = n
	}
	q.pending.push(request{intended: intended, sent: now, answer: answer})
	if p.Protocol == plan.HTTP {
		return appendHTTP(b, n, answer)
	}
	at := len(b)
	if cap(b)-at < n {
		b = append(make([]byte, 0, 2*cap(b)+n), b...)
	}
	b = b[:at+n]
	q.out.Fill(b[at:])
	return b
}

// write sends b, in as many writes as the plan says.
func (q *requester) write(b []byte) error {
	w := q.r.w
	w.seen.BytesOut += uint64(len(b))
	if q.r.plan.Fragments > 1 && len(b) > 1 {
		return q.writeFragments(b)
	}
	_, err := q.c.Write(b)
	return err
}

// writeFragments sends the first piece now and each of the others in a later turn,
// so that the peer can see them one by one.
func (q *requester) writeFragments(b []byte) error {
	pieces := min(q.r.plan.Fragments, len(b))
	first := len(b) / pieces
	if len(q.rest) > 0 { // the one before is not out yet
		q.rest = append(q.rest, b...)
		return nil
	}
	q.rest = append(q.rest[:0], b[first:]...)
	if _, err := q.c.Write(b[:first]); err != nil {
		return err
	}
	return q.writeLater(first)
}

func (q *requester) writeLater(size int) error {
	return q.r.w.loop.Post(func() {
		if q.gone || len(q.rest) == 0 {
			return
		}
		n := min(size, len(q.rest))
		_, err := q.c.Write(q.rest[:n])
		q.rest = q.rest[n:]
		if err != nil {
			q.c.Abort()
			return
		}
		if len(q.rest) > 0 {
			q.writeLater(size)
		}
	})
}

// Data takes responses in.
func (q *requester) Data(c *loop.Conn) error {
	w := q.r.w
	var now int64
	for {
		b, err := c.Next()
		if err == errAgain {
			break
		}
		if err == io.EOF && w.halted && q.pending.n == 0 {
			return io.EOF
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			q.err = err
			return err
		}
		if now == 0 {
			now = w.now()
		}
		w.seen.BytesIn += uint64(len(b))
		if err := q.take(b, now); err != nil {
			q.err = err
			return err
		}
	}
	if now == 0 {
		return nil
	}
	return q.next(now)
}

// next goes on after responses came in.
func (q *requester) next(now int64) error {
	w := q.r.w
	switch {
	case w.halted:
		if q.pending.n == 0 {
			return io.EOF
		}
		return nil
	case !q.started:
		return nil
	case q.r.plan.Rate == 0 && q.r.think > 0:
		w.loop.AfterFunc(q.r.think, q.resume)
		return nil
	case q.r.plan.Rate == 0:
		if q.pending.n < len(q.pending.of) {
			return q.fill(now)
		}
		return nil
	}
	q.since = now
	for q.pending.n < len(q.pending.of) {
		due, ok := w.arrivals.take()
		if !ok {
			break
		}
		if err := q.send(due); err != nil {
			return err
		}
	}
	q.offer()
	return nil
}

var errUnasked = errors.New("bytes that nobody asked for")

// take takes in bytes of responses.
func (q *requester) take(b []byte, now int64) error {
	p := q.r.plan
	for len(b) > 0 {
		if q.pending.n == 0 {
			return errUnasked
		}
		if q.left == 0 {
			if p.Protocol == plan.HTTP {
				n, done, err := q.reply.head(b)
				if err != nil {
					return err
				}
				b = b[n:]
				if !done {
					continue
				}
				if q.left = q.reply.length; q.left == 0 {
					q.complete(now)
				}
				continue
			}
			q.left = q.pending.first().answer
		}
		n := min(q.left, len(b))
		if err := q.verify(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if q.left -= n; q.left == 0 {
			q.complete(now)
		}
	}
	return nil
}

// verify checks what an echo answers. Of other responses it knows the length only.
func (q *requester) verify(b []byte) error {
	p := q.r.plan
	if !p.Verify || p.Protocol != plan.Echo || p.Response != 0 {
		return nil
	}
	if err := q.in.Verify(b); err != nil {
		return fmt.Errorf("wrong byte: %w", err)
	}
	q.r.w.seen.Verified += uint64(len(b))
	return nil
}

// complete takes the first request from those under way.
func (q *requester) complete(now int64) {
	w := q.r.w
	req := q.pending.pop()
	if !q.r.quiet {
		w.leave(now, 1)
		if !q.r.aside {
			w.seen.Completed++
		}
		w.seen.Service.Record(now - req.sent)
		if q.r.plan.Rate > 0 {
			w.seen.Response.Record(now - req.intended)
		}
	}
	if q.told != nil {
		q.tell(nil)
	}
}

// ask sends one request beside the load, and has told called with what came of it.
func (q *requester) ask(told func(error)) {
	q.told = told
	q.r.enter(q.r.w.now(), 1)
	if err := q.request(); err != nil {
		q.err = err
		q.c.Abort()
	}
}

func (q *requester) tell(err error) {
	told := q.told
	q.told = nil
	told(err)
}

// Writable is part of loop.Session.
func (q *requester) Writable(*loop.Conn) error { return nil }

// Closed counts what was under way as lost, and opens another connection.
func (q *requester) Closed(_ *loop.Conn, err error) {
	w := q.r.w
	q.gone = true
	w.open.Add(-1)
	q.r.enter(w.now(), -q.pending.n)
	if q.err != nil {
		err = q.err
	}
	if err == nil && q.pending.n > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		w.fail(q.r.what, err)
		switch {
		case !q.r.final:
			w.again(q.k)
		case w.halted:
			w.seen.Dead++
		}
	}
	if q.told != nil {
		q.tell(err)
	}
}
