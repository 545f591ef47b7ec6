package load

import (
	"github.com/penstock/penstock/bench/plan"
)

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
