package simkernel

import (
	"github.com/penstock/penstock/internal/content"
)

// A Segment is a run of bytes that were written together: n bytes of stream K from
// position Pos, or, if Raw is not nil, those bytes. Most need no memory of their own.
type Segment struct {
	K, Pos uint64
	Raw    []byte
	N      int
}

// cut answers the first n bytes and the rest.
func (s Segment) cut(n int) (head, rest Segment) {
	head, rest = s, s
	head.N, rest.N = n, s.N-n
	if s.Raw != nil {
		head.Raw, rest.Raw = s.Raw[:n:n], s.Raw[n:]
	} else {
		rest.Pos += uint64(n)
	}
	return head, rest
}

// copy writes the segment's bytes to p, which is as long.
func (s Segment) copy(p []byte) {
	if s.Raw != nil {
		copy(p, s.Raw)
		return
	}
	c := content.Stream{K: s.K, Pos: s.Pos}
	c.Fill(p)
}

// Follows checks that the segment's bytes are what comes next in a stream, and
// moves on in it.
func (s Segment) Follows(c *content.Stream) error {
	if s.Raw == nil && s.K == c.K && s.Pos == c.Pos {
		c.Pos += uint64(s.N)
		return nil
	}
	b := s.Raw
	if b == nil {
		b = make([]byte, s.N)
		s.copy(b)
	}
	return c.Verify(b)
}

// A queue is segments in order.
type queue struct {
	segs []Segment
	head int
	n    int // bytes
}

func (q *queue) push(s Segment) {
	if q.head > 0 && q.head == len(q.segs) {
		q.segs, q.head = q.segs[:0], 0
	}
	q.segs = append(q.segs, s)
	q.n += s.N
}

// pop takes up to n bytes of the first segment.
func (q *queue) pop(n int) Segment {
	s := &q.segs[q.head]
	if n >= s.N {
		q.head++
		q.n -= s.N
		return *s
	}
	head, rest := s.cut(n)
	*s = rest
	q.n -= n
	return head
}

// skip throws n bytes away.
func (q *queue) skip(n int) {
	for n > 0 {
		n -= q.pop(n).N
	}
}

// read copies bytes from offset on to p without taking them, and answers how many.
func (q *queue) read(p []byte, offset int) (n int) {
	for i := q.head; i < len(q.segs) && n < len(p); i++ {
		s := q.segs[i]
		if offset >= s.N {
			offset -= s.N
			continue
		}
		if offset > 0 {
			_, s = s.cut(offset)
			offset = 0
		}
		if s.N > len(p)-n {
			s, _ = s.cut(len(p) - n)
		}
		s.copy(p[n : n+s.N])
		n += s.N
	}
	return n
}

func (q *queue) clear() { *q = queue{segs: q.segs[:0]} }

// An arena keeps copies of bytes, for as long as its kernel lives.
type arena []byte

func (a *arena) keep(p []byte) []byte {
	if cap(*a)-len(*a) < len(p) {
		*a = make([]byte, 0, max(len(p), 16<<10))
	}
	at := len(*a)
	*a = append(*a, p...)
	return (*a)[at:len(*a):len(*a)]
}
