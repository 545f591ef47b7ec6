package load

import (
	"bytes"
	"errors"
	"io"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/loop"
)

var errUnasked = errors.New("bytes that nobody asked for")

// Data takes responses in.
func (q *requester) Data(*loop.Conn) error {
	w := q.r.w
	var now int64
	for !q.last {
		b, err := q.c.Next()
		if err == errAgain {
			break
		}
		if now == 0 {
			now = w.now()
		}
		if err == nil {
			w.seen.BytesIn += uint64(len(b))
			err = q.take(b, now)
		} else if err == io.EOF {
			err = q.ended(now)
		}
		if err != nil {
			q.err = err
			return err
		}
	}
	switch {
	case q.last:
		return io.EOF
	case now == 0:
		return nil
	}
	return q.next(now)
}

// ended takes in the end that the target has sent. To a load of HTTP it is none of the
// errors between a response and the next request, and as the end of a response that has
// no other: another connection replaces this one.
func (q *requester) ended(now int64) error {
	switch {
	case q.r.w.halted && q.pending.n == 0:
	case q.r.plan.Protocol != plan.HTTP || q.r.final:
		return io.ErrUnexpectedEOF
	case q.answering:
		if err := q.reply.End(); err != nil {
			return err
		}
		if err := q.responded(now); err != nil {
			return err
		}
	case q.pending.n > 0:
		return io.ErrUnexpectedEOF
	}
	q.last = true
	return nil
}

// take takes in bytes of responses.
func (q *requester) take(b []byte, now int64) error {
	for len(b) > 0 {
		if q.pending.n == 0 || q.last {
			return errUnasked
		}
		var n int
		var err error
		switch q.r.plan.Protocol {
		case plan.HTTP:
			n, err = q.takeHTTP(b, now)
		case plan.Raw:
			n, err = q.takeRaw(b, now)
		default:
			n, err = q.takeEcho(b, now)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (q *requester) takeEcho(b []byte, now int64) (n int, err error) {
	if q.left == 0 {
		if bytes.HasPrefix(b, httpPrefix) {
			return 0, errIsHTTP
		}
		q.left = q.pending.first().answer
	}
	n = min(q.left, len(b))
	if err := q.verify(b[:n]); err != nil {
		return 0, err
	}
	if q.left -= n; q.left == 0 {
		q.complete(now)
	}
	return n, nil
}

func (q *requester) takeHTTP(b []byte, now int64) (n int, err error) {
	if !q.answering {
		q.answering = true
		q.reply.Begin(q.pending.first().head)
	}
	n, done, err := q.reply.Feed(b)
	if err == nil && done {
		err = q.responded(now)
	}
	return n, err
}

// responded counts a response that is whole. If it is the connection's last, requests
// that were sent behind it go to the next connection.
func (q *requester) responded(now int64) error {
	q.answering = false
	q.last = q.reply.Close && !q.r.quiet
	err := succeeded(q.reply.Status)
	switch {
	case err == nil:
		q.complete(now)
		return nil
	case q.r.quiet:
		return err
	}
	q.pending.pop()
	q.r.w.leave(now, 1)
	q.r.w.fail("response", err)
	return nil
}

func (q *requester) takeRaw(b []byte, now int64) (n int, err error) {
	held, n, done, err := q.r.matcher.feed(q.held, b)
	q.held = held
	if err == nil && done {
		q.complete(now)
	}
	return n, err
}

// verify checks what an echo answers. Of other responses it knows the length only.
func (q *requester) verify(b []byte) error {
	p := q.r.plan
	if !p.Verify || p.Protocol != plan.Echo || p.Response != 0 {
		return nil
	}
	if err := q.in.Verify(b); err != nil {
		return &result.Fault{Kind: "wrong byte", Detail: err.Error()}
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
