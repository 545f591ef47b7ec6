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
			if p.Protocol == plan.Echo && bytes.HasPrefix(b, httpPrefix) {
				return errIsHTTP
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
