package load

import (
	"io"
	"net"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/loop"
)

// A slowPeer is a slow connection, and its Session: a reader that asks for much and
// takes it in a little at a time, or a writer whose request never comes to its end.
type slowPeer struct {
	requester
	s       *slow
	timer   loop.Timer
	written int // of an HTTP request
}

// dial connects, and calls done when that is over, whatever came of it.
func (p *slowPeer) dial(done func()) {
	told := func(err error) {
		if err != nil && p.c.Conn == nil {
			p.cut(err)
		}
		done()
	}
	if err := p.s.w.dialBy(p.s.dialers[p.k%len(p.s.dialers)], p.k, told); err != nil {
		told(err)
	}
}

func (p *slowPeer) opened(c wire) error {
	w := p.s.w
	if err := c.Serve(p); err != nil {
		return err
	}
	p.renew(c, content.Stream{K: w.first + uint64(p.k)})
	p.written = 0
	if w.halted {
		return net.ErrClosed // it took until now
	}
	if w.plan.Side == plan.Read {
		c.Pause()
	}
	// Each at a moment of its own, lest all move at the same.
	w.loop.Arm(&p.timer, time.Duration(w.random.Int64N(int64(p.s.every))), p)
	return nil
}

// Expire moves a piece.
func (p *slowPeer) Expire() {
	var err error
	if p.s.w.plan.Side == plan.Read {
		err = p.readPiece()
	} else {
		err = p.writePiece()
	}
	if err != nil {
		p.err = err
		p.c.Abort()
		return
	}
	p.s.w.loop.Arm(&p.timer, p.s.every, p)
}

func (p *slowPeer) readPiece() error {
	for range askedAtOnce {
		if p.pending.n == len(p.pending.of) || p.c.Buffered() > 0 || !p.s.mayAsk(p.s.w.now()) {
			break
		}
		if err := p.request(); err != nil {
			return err
		}
	}
	n, err := p.c.Read(p.s.buf)
	if err == errAgain {
		return nil
	}
	if err != nil {
		return early(err)
	}
	p.s.w.seen.BytesIn += uint64(n)
	return p.take(p.s.buf[:n], p.s.w.now())
}

func (p *slowPeer) writePiece() error {
	if p.c.Buffered() > 0 { // the target is slower still
		return nil
	}
	if p.s.w.plan.Protocol == plan.HTTP {
		p.written += fillHead(p.s.buf, p.written)
	} else {
		p.out.Fill(p.s.buf)
	}
	return p.write(p.s.buf)
}

const (
	beginOfHead = "GET /0 HTTP/1.1\r\nHost: bench\r\n"
	lineOfHead  = "X-Slow: 0123456789abcdef\r\n"
)

// fillHead fills b with the head of an HTTP request, from byte at on, that has no end.
func fillHead(b []byte, at int) int {
	for i := range b {
		if n := at + i; n < len(beginOfHead) {
			b[i] = beginOfHead[n]
		} else {
			b[i] = lineOfHead[(n-len(beginOfHead))%len(lineOfHead)]
		}
	}
	return len(b)
}

// Data takes in what a writer is answered: an echo of what it wrote, or an HTTP
// server's complaint.
func (p *slowPeer) Data(c *loop.Conn) error {
	w := p.s.w
	for {
		b, err := c.Next()
		if err == errAgain {
			return nil
		}
		if err == nil {
			w.seen.BytesIn += uint64(len(b))
			err = p.verify(b)
		}
		if err != nil {
			p.err = early(err)
			return p.err
		}
	}
}

// early is what the end of the stream is to somebody who expects more.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Closed has the connection opened again.
func (p *slowPeer) Closed(_ *loop.Conn, err error) {
	p.s.w.loop.Disarm(&p.timer)
	p.s.w.open.Add(-1)
	p.c, p.gone = wire{}, true
	if p.err != nil {
		err = p.err
	}
	p.cut(err)
}

// cut counts a connection that has ended, and opens another after a moment.
func (p *slowPeer) cut(err error) {
	w := p.s.w
	if w.halted {
		return
	}
	if isCut(err) {
		w.seen.Cut++
	} else {
		w.fail("slow connection", err)
	}
	w.loop.AfterFunc(afterFailure, func() {
		if !w.halted {
			p.dial(func() {})
		}
	})
}
