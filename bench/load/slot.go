package load

import (
	"errors"
	"io"
	"net"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/loop"
)

// A slot is one of slots, and the Session of its connection. What it sends and reads
// is a requester's.
type slot struct {
	requester
	of              *slots
	intended, began int64
	timer           loop.Timer
	whole           bool // the response has been read
	counted         bool // the exchange has come to its end, and counts
	failed          bool // the exchange before did not
}

// startLate is start for an exchange that was to begin at a moment that is over.
func (s *slot) startLate(intended int64) {
	now := s.of.w.now()
	s.of.w.seen.Lag.Record(now - intended)
	s.of.w.seen.Late.Record(now - max(intended, s.since))
	s.start(intended)
}

func (s *slot) start(intended int64) {
	w := s.of.w
	s.intended, s.began = intended, w.now()
	s.whole, s.counted = false, false
	s.of.enter(s.began, 1)
	told := func(err error) {
		if err != nil && s.c.Conn == nil {
			s.fail("dial", err)
			s.of.over(s)
		}
	}
	s.of.dialled++
	if err := w.dialBy(w.dialers[s.of.dialled%len(w.dialers)], s.k, told); err != nil {
		told(err)
	}
}

func (s *slot) opened(c wire) error {
	o := s.of
	if err := c.Serve(s); err != nil {
		return err
	}
	o.named++
	s.renew(c, content.Stream{K: o.w.first + o.named%(1<<20)})
	o.w.loop.Arm(&s.timer, o.w.plan.Timeout, s)
	return o.connected(s)
}

// renew makes a requester that of another connection.
func (q *requester) renew(c wire, name content.Stream) {
	q.c, q.out, q.in = c, name, name
	q.pending.from, q.pending.n, q.left = 0, 0, 0
	q.held, q.rest = q.held[:0], nil
	q.answering, q.gone, q.err = false, false, nil
}

// request sends a request on a connection that lives for it, or waits for nothing else.
func (q *requester) request() error {
	now := q.r.w.now()
	q.r.buf = q.compose(q.r.buf[:0], now, now)
	return q.write(q.r.buf)
}

// Data takes the response in.
func (s *slot) Data(*loop.Conn) error {
	w := s.of.w
	for {
		b, err := s.c.Next()
		switch err {
		case nil:
		case errAgain:
			return nil
		case io.EOF:
			if s.answering && s.reply.End() == nil { // the response ends so
				if err := s.took(s.responded(w.now())); err != nil {
					s.note(err)
					return err
				}
			}
			err = s.of.ended(s)
			s.note(err)
			return err
		default:
			s.err = err
			return err
		}
		w.seen.BytesIn += uint64(len(b))
		err = s.took(s.take(b, w.now()))
		if s.note(err); err != nil {
			return err
		}
	}
}

// took goes on after bytes of the response were taken in: err is what came of it.
func (s *slot) took(err error) error {
	if err != nil || s.pending.n > 0 || s.whole {
		return err
	}
	s.whole = true
	return s.of.answered(s)
}

// note keeps what we found wrong ourselves: Closed may be told of its consequences.
func (s *slot) note(err error) {
	if s.err == nil && err != io.EOF {
		s.err = err
	}
}

// complete counts the exchange.
func (s *slot) complete() {
	w := s.of.w
	now := w.now()
	s.counted = true
	w.seen.Completed++
	s.of.enter(now, -1)
	if !s.of.aside {
		w.seen.Service.Record(now - s.began)
		w.seen.Response.Record(now - s.intended)
	}
}

// fail counts what became of an exchange instead.
func (s *slot) fail(what string, err error) {
	s.failed = true
	s.of.enter(s.of.w.now(), -1)
	s.of.w.fail(what, err)
}

var (
	errReset    = errors.New("reset, as was planned")
	errNoAnswer = errors.New("no answer within the timeout")
	errNoEnd    = errors.New("the peer did not end the connection within the timeout")
)

// Expire is the end of the time that an exchange, or the end of its connection, may take.
func (s *slot) Expire() {
	if s.err = errNoAnswer; s.whole {
		s.err = errNoEnd
	}
	s.c.Abort()
}

// Closed counts an exchange that did not come to its end.
func (s *slot) Closed(_ *loop.Conn, err error) {
	w := s.of.w
	w.loop.Disarm(&s.timer)
	w.open.Add(-1)
	s.c, s.gone = wire{}, true
	if s.err != nil {
		err = s.err
	}
	if err == nil {
		err = io.ErrUnexpectedEOF // which matters if it came too early only
	}
	switch {
	case !s.counted && s.of.aside && isCut(err):
		s.failed = true
		w.seen.Cut++
	case !s.counted:
		s.fail(s.of.what, err)
	case err == errNoEnd || err == errUnasked:
		w.fail(s.of.what, err)
	}
	s.of.over(s)
}

// isCut says that err is what a target does that ends a connection, rather than what
// it sends.
func isCut(err error) bool {
	var op *net.OpError
	return err == io.ErrUnexpectedEOF || errors.As(err, &op)
}
