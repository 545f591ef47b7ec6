package loop

import (
	"math/bits"
	"slices"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/pool"
)

// A queue holds what was written and not yet taken by the socket, in chunks. A byte is
// copied once, when it is queued: what is sent frees chunks, and moves nothing. The
// chunks have at most 1 KiB, or twice what is queued, beside two read buffers.
type queue struct {
	chunks []*pool.Buffer // none is empty
	n      int            // bytes in them
	// waiters copy to this connection, and are woken at the low mark.
	waiters []*Registration
}

// add appends a copy of p.
func (q *queue) add(l *Loop, p []byte) {
	q.n += len(p)
	if i := len(q.chunks); i > 0 {
		last := q.chunks[i-1]
		n := copy(last.B[last.To:], p)
		last.To += n
		p = p[n:]
	}
	for len(p) > 0 {
		b := l.chunk(q.n)
		b.To = copy(b.B, p)
		p = p[b.To:]
		q.chunks = append(q.chunks, b)
	}
}

// head is what is to be sent first.
func (q *queue) head() []byte { b := q.chunks[0]; return b.B[b.From:b.To] }

// sent takes n bytes of the head away.
func (q *queue) sent(l *Loop, n int) {
	q.n -= n
	b := q.chunks[0]
	if b.From += n; b.Len() == 0 {
		q.chunks[0] = nil
		q.chunks = q.chunks[1:]
		l.freeChunk(b)
	}
}

// free gives the chunks back, whatever they hold.
func (q *queue) free(l *Loop) {
	for _, b := range q.chunks {
		l.freeChunk(b)
	}
	q.chunks, q.n = nil, 0
}

// leastChunk is the smallest chunk of a queue, in bytes.
const leastChunk = 1 << 10

// chunk returns a chunk for a queue of n bytes: a read buffer of the loop, unless the
// queue is so short that many of its kind would waste most of theirs.
func (l *Loop) chunk(n int) *pool.Buffer {
	if n > pool.BufferSize/2 {
		return l.LeaseBuffer()
	}
	return &pool.Buffer{B: make([]byte, 1<<bits.Len(uint(max(n, leastChunk)-1)))}
}

func (l *Loop) freeChunk(b *pool.Buffer) {
	if len(b.B) == pool.BufferSize {
		l.PutBuffer(b)
	}
}

func (q *queue) await(r *Registration) {
	if !slices.Contains(q.waiters, r) {
		q.waiters = append(q.waiters, r)
	}
}

// wake has the sources that wait for room visited. When there will be none, as the
// connection has failed or ended, their Data is called whether they can be read or
// not: nothing else would tell them.
func (q *queue) wake(l *Loop, failed bool) {
	for _, r := range q.waiters {
		if failed {
			r.fd.Note(fd.Readable)
		}
		l.push(r)
	}
	q.waiters = nil
}
