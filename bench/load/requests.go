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
	req := request{intended: intended, sent: now, answer: answer}
	if len(p.Messages) > 0 {
		req.message, q.r.turn = q.r.turn, (q.r.turn+1)%len(p.Messages)
		req.head = p.Messages[req.message].Head
	}
	q.pending.push(req)
	if len(p.Messages) > 0 {
		return append(b, p.Messages[req.message].Bytes...)
	}
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

// repeat sends the requests again that were under way on the connection before, which
// the target has ended in order without answering them.
func (q *requester) repeat(now int64) error {
	p := q.r.plan
	b := q.r.buf[:0]
	for i := range q.pending.n {
		req := q.pending.at(i)
		req.sent = now
		if len(p.Messages) > 0 {
			b = append(b, p.Messages[req.message].Bytes...)
		} else {
			b = appendHTTP(b, p.Request.Max(), req.answer)
		}
	}
	q.r.buf = b
	return q.write(b)
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
