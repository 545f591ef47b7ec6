package sim

import (
	"errors"
	"io"
	"time"

	"github.com/penstock/penstock/loop"
)

// front reads the head of a stream, as a protocol in front of a relay does, dials,
// writes the head, and has the rest relayed.
type front struct {
	w       *World
	v       *life
	dialing bool
}

// piece reads what is there, and copies it; nil if nothing is, or with an error. end says
// that no more comes.
func piece(c *loop.Conn) (b []byte, end bool, err error) {
	b, err = c.Next()
	switch {
	case err == loop.ErrAgain:
		return nil, false, nil
	case err != nil && err != io.EOF:
		return nil, false, err
	}
	return append([]byte{}, b...), err == io.EOF, nil
}

func (f *front) Data(c *loop.Conn) error {
	if f.dialing {
		return nil // the rest waits in the kernel
	}
	head, _, err := piece(c)
	if head == nil {
		return err
	}
	f.dialing = true
	return f.w.dial(f.v, c, func(up *loop.Conn) error {
		if len(head) > 0 {
			if _, err := up.Write(head); err != nil {
				return err
			}
		}
		f.v.head = uint64(len(head))
		return f.w.relay(f.v, c, up)
	})
}

func (*front) Writable(*loop.Conn) error { return nil }
func (*front) Closed(*loop.Conn, error)  {}

// proxy copies to the other connection, and ends with it.
type proxy struct {
	w     *World
	v     *life
	other *proxy
	conn  *loop.Conn
	ended bool
}

func (p *proxy) Data(c *loop.Conn) error {
	_, err := c.CopyTo(p.other.conn)
	if !errors.Is(err, io.EOF) {
		return err
	}
	p.ended = true
	if !p.other.ended {
		return p.other.conn.CloseWrite()
	}
	p.w.closes(p.v, p.other.conn)
	p.other.conn.Close()
	p.w.closes(p.v, c)
	return io.EOF
}

func (*proxy) Writable(*loop.Conn) error { return nil }

func (p *proxy) Closed(c *loop.Conn, err error) {
	p.w.closed(p.v, c, err)
	if err != nil {
		p.other.conn.Abort()
	}
}

// join serves two connections by two proxies.
func (w *World) join(v *life, c, up *loop.Conn) error {
	a, b := &proxy{w: w, v: v, conn: c}, &proxy{w: w, v: v, conn: up}
	a.other, b.other = b, a
	return errors.Join(up.Serve(b), c.Serve(a))
}

// distant echoes through its Handle, from another goroutine, and pauses meanwhile.
type distant struct {
	echo
	pauses int
}

func (r *distant) Data(c *loop.Conn) error {
	h := c.Handle()
	b, err := c.Next()
	switch {
	case err == loop.ErrAgain:
		return nil
	case err == io.EOF:
		r.w.mail = append(r.w.mail, func() {
			h.Do(func(c *loop.Conn) {
				r.w.closes(r.v, c)
				c.Close()
			})
		})
		return nil
	case err != nil:
		return err
	}
	b = append([]byte(nil), b...)
	r.w.mail = append(r.w.mail, func() { h.Write(b) })
	if r.pauses--; r.pauses >= 0 {
		c.Pause()
		if r.w.tape.Pick(2) == 0 {
			c.Loop().AfterFunc(time.Millisecond, c.Resume)
		} else {
			r.w.mail = append(r.w.mail, func() { h.Do(func(c *loop.Conn) { c.Resume() }) })
		}
	}
	return nil
}

// A monkey does whatever the API allows.
type monkey struct {
	w        *World
	v        *life
	left     int // things to do
	running  bool
	closed   bool
	byHandle bool // writes go by the Handle from here on
}

const monkeyTime = 2 * time.Second

var errMonkey = errors.New("an expected error")

func (w *World) newMonkey(v *life, c *loop.Conn) *monkey {
	m := &monkey{w: w, v: v, left: 20}
	c.Loop().AfterFunc(monkeyTime, func() {
		if m.v.session == m {
			c.Abort()
		}
	})
	v.out.K, m.byHandle, v.session = v.client.k, v.posted, m
	return m
}

// enter notes that a callback runs, which none of the same session may interrupt.
func (m *monkey) enter(what string) (leave func()) {
	if m.running {
		m.w.fail("%s within another call of the same session", what)
	}
	if m.closed {
		m.w.fail("%s after Closed", what)
	}
	m.running = true
	return func() { m.running = false }
}

func (m *monkey) Data(c *loop.Conn) error     { defer m.enter("Data")(); return m.acts(c) }
func (m *monkey) Writable(c *loop.Conn) error { defer m.enter("Writable")(); return m.acts(c) }
func (m *monkey) Drain(c *loop.Conn)          { defer m.enter("Drain")(); m.acts(c) }

func (m *monkey) Closed(c *loop.Conn, _ error) {
	defer m.enter("Closed")()
	m.closed = true
	if m.v.session == m {
		m.act(c)
	}
}

// acts does a few things, and returns anything.
func (m *monkey) acts(c *loop.Conn) error {
	for range 1 + m.w.tape.Pick(3) {
		m.act(c)
	}
	switch m.w.tape.Pick(16) {
	case 13:
		return errMonkey
	case 14:
		if m.v.session == m && c.Available() == nil {
			m.v.ordered = true
		}
		return io.EOF
	case 15:
		return loop.ErrAgain
	}
	return nil
}

// act does one thing.
func (m *monkey) act(c *loop.Conn) {
	if m.left--; m.left < 0 {
		c.CopyTo(io.Discard)
		return
	}
	open := c.Available() == nil
	switch m.w.tape.Pick(16) {
	case 0, 1:
		c.Next()
	case 2, 3, 4:
		m.write(c)
	case 5:
		c.CopyTo(io.Discard)
	case 6:
		m.v.ordered = m.v.ordered || open && c.CloseWrite() == nil
	case 7:
		if m.left < 15 {
			m.v.ordered = m.v.ordered || c.Close() == nil
		}
	case 8:
		if m.left < 15 {
			c.Abort()
		}
	case 9:
		c.Pause()
	case 10, 11:
		c.Resume()
	case 12:
		c.Loop().AfterFunc(time.Duration(m.w.tape.Pick(3))*time.Millisecond, func() { m.act(c) })
	case 13:
		c.Handle().Do(m.act)
	case 14:
		m.byHandle, m.v.posted = true, true
	case 15:
		m.rare(c)
	}
}

// rare does what would end most sessions too soon.
func (m *monkey) rare(c *loop.Conn) {
	switch m.w.tape.Pick(6) {
	case 3:
		if n := m.w.newMonkey; m.v.session == m && c.Available() == nil {
			c.Serve(n(m.v, c))
		}
	case 4:
		c.Handle().Abort()
	case 5:
		panic(expected)
	}
}

// write writes what comes next in the monkey's stream.
func (m *monkey) write(c *loop.Conn) {
	if m.v.session != m {
		return // the stream is another's now
	}
	b := make([]byte, Of(m.w.tape, 100, 1, 5000, 20000))
	next := m.v.out
	next.Fill(b)
	if m.byHandle {
		if _, err := c.Handle().Write(b); err == nil {
			m.v.out = next
		}
		return
	}
	if n, err := c.Write(b); err == nil || n > 0 {
		m.v.out.Pos += uint64(n)
	}
}
