package serve

import (
	"io"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// An answerer is an HTTP/1.1 connection: GET /N is answered with N bytes. It is a
// loop.Task, so that a large answer is sent from where it is, within the loop's
// budgets. Once its buffers have grown a request costs no allocation.
type answerer struct {
	c     *loop.Conn
	in    []byte // has come, and is not answered
	out   []byte // heads and small bodies: out[from:] is not sent
	from  int
	body  int  // bytes that follow out
	ended bool // nothing more is answered
}

const (
	largest   = 1 << 30  // of what can be asked for
	smallBody = 16 << 10 // is sent together with its head
	enough    = 64 << 10 // of answers, before they are sent
)

// page is what bodies consist of.
var page = func() []byte {
	b := make([]byte, 256<<10)
	new(content.Stream).Fill(b)
	return b
}()

// Ready is part of loop.Task: it sends, answers what is held, and reads, in this order,
// so that nothing is read while answers wait to be sent.
func (a *answerer) Ready(*loop.Registration) (again bool) {
	for {
		all, e := a.send()
		switch {
		case e != 0:
			a.c.Release(true)
			return false
		case !all:
			return a.c.FD().Ready()&fd.Writable != 0
		case a.ended:
			a.finish()
			return false
		}
		if n := a.answer(a.in); n > 0 || a.ended {
			a.in = a.in[:copy(a.in, a.in[n:])]
			continue
		}
		switch err := a.read(); err {
		case nil:
		case loop.ErrAgain:
			return false
		case io.EOF:
			a.ended = true
		default:
			a.c.Release(true)
			return false
		}
	}
}

// finish sends our end, and closes at the client's: closing before would answer what it
// still sends with a reset, which destroys answers that it has not read.
func (a *answerer) finish() {
	a.c.FD().ShutdownWrite(a.c.Loop().Kernel())
	for {
		switch _, err := a.c.Next(); err {
		case nil:
		case loop.ErrAgain:
			return
		default:
			a.c.Release(err != io.EOF)
			return
		}
	}
}

// Fail is part of loop.Task.
func (a *answerer) Fail(error) { a.c.Release(true) }

// read reads once, and answers what it can; what is left is held.
func (a *answerer) read() error {
	b, err := a.c.Next()
	if err != nil {
		return err
	}
	if len(a.in) == 0 {
		b = b[a.answer(b):]
	}
	a.in = append(a.in, b...)
	return nil
}

// send sends what is composed, and says whether all of it is sent.
func (a *answerer) send() (all bool, e sys.Errno) {
	d, l := a.c.FD(), a.c.Loop()
	for a.from < len(a.out) || a.body > 0 {
		if d.Ready()&fd.Writable == 0 || l.Left() <= 0 {
			return false, 0
		}
		b := a.out[a.from:]
		if len(b) == 0 {
			b = page[:min(a.body, len(page))]
		}
		n, e := d.Send(l.Kernel(), b)
		switch {
		case e == sys.EAGAIN:
			return false, 0
		case e != 0:
			return false, e
		case a.from < len(a.out):
			a.from += n
		default:
			a.body -= n
		}
		l.Spend(n)
	}
	a.out, a.from = a.out[:0], 0
	return true, 0
}
