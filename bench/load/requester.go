package load

import (
	"io"

	"github.com/penstock/penstock/bench/http1"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/loop"
)

// A requester is one connection: a Session.
type requester struct {
	r         *rr
	c         wire
	k         int
	out, in   content.Stream
	pending   requests
	reply     http1.Response
	held      []byte // of an answer to a message that is not whole
	left      int    // of the response that is coming in: bytes to come, 0 before its first
	answering bool   // a byte of a response has come, and it is not whole
	last      bool   // the target ends the connection in order: another one replaces it
	queued    bool
	started   bool
	gone      bool
	since     int64 // when it became free
	err       error // what we found wrong ourselves
	rest      []byte
	told      func(error) // waits for the answer to an ask
}

func newRequester(r *rr, c wire, k int) *requester {
	name := content.Stream{K: r.w.first + uint64(k)}
	q := &requester{r: r, c: c, k: k, out: name, in: name}
	q.pending.of = make([]request, r.plan.Pipeline)
	return q
}

// start fills the connection with requests, or offers it to those that are due or will
// be.
func (q *requester) start() error {
	q.since, q.started = q.r.w.now(), true
	if q.pending.n > 0 {
		if err := q.repeat(q.since); err != nil {
			return err
		}
	}
	if q.r.plan.Rate > 0 {
		return q.takeDue()
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
	n := len(q.pending.of) - q.pending.n
	if w.halted || n == 0 {
		return nil
	}
	b := q.r.buf[:0]
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
		return q.fill(now)
	}
	q.since = now
	return q.takeDue()
}

// takeDue sends the requests that wait for a connection, and offers this one to others
// if it has room left.
func (q *requester) takeDue() error {
	w := q.r.w
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
	if q.last && q.err == nil && !q.r.final { // what becomes of it behind its last response is no error
		q.r.replace(q)
		return
	}
	q.r.enter(w.now(), -q.pending.n)
	if q.err != nil {
		err = q.err
	}
	if err == nil && (q.pending.n > 0 || q.last) {
		err = io.ErrUnexpectedEOF
	}
	q.pending.n = 0
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
