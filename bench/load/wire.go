package load

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/penstock/penstock/loop"
)

// A wire is a connection to the target, with TLS above it if the target is https.
type wire struct {
	*loop.Conn
	tls *tlsSide
}

// Next is loop.Conn's, of what the target has encrypted.
func (c wire) Next() ([]byte, error) {
	if c.tls == nil {
		return c.Conn.Next()
	}
	return c.tls.next()
}

// Write is loop.Conn's, of what is to be encrypted.
func (c wire) Write(b []byte) (int, error) {
	if c.tls == nil {
		return c.Conn.Write(b)
	}
	return c.tls.conn.Write(b)
}

// CloseWrite is loop.Conn's, with TLS's own end in front of it.
func (c wire) CloseWrite() error {
	if c.tls != nil {
		if err := c.tls.conn.CloseWrite(); err != nil {
			return err
		}
	}
	return c.Conn.CloseWrite()
}

// A tlsSide is what crypto/tls has for its net.Conn, and the Session of a connection
// during its handshake. The handshake runs on a goroutine of its own, where reads wait.
// After it all calls are made on the loop, where a read that finds nothing returns
// errNothing: crypto/tls keeps what it has of a record, and goes on with the next call,
// since that is a temporary net.Error.
type tlsSide struct {
	w    *worker
	c    *loop.Conn
	conn *tls.Conn
	done func(wire, error)
	late *loop.Timer // the end of the time that a handshake may take
	buf  []byte      // shared by all connections of the worker: plain text

	mu      sync.Mutex
	more    sync.Cond
	in      []byte // has come, and crypto/tls has not taken it
	err     error  // of the connection
	shaking bool   // the handshake runs
}

// secure begins the handshake on c, and calls done on the loop when it has ended.
func (w *worker) secure(c *loop.Conn, done func(wire, error)) {
	t := &tlsSide{w: w, c: c, done: done, buf: w.plain, shaking: true}
	t.more.L = &t.mu
	t.conn = tls.Client(t, w.tls)
	if err := c.Serve(t); err != nil {
		t.err = err
	}
	t.late = w.loop.AfterFunc(w.plan.Timeout, func() { t.end(os.ErrDeadlineExceeded) })
	go func() {
		err := t.conn.Handshake()
		t.mu.Lock()
		t.shaking = false
		t.mu.Unlock()
		w.loop.Post(func() { t.finish(err) })
	}()
}

// finish is called on the loop after the handshake.
func (t *tlsSide) finish(err error) {
	t.w.loop.Disarm(t.late)
	if err == nil && t.err != nil {
		err = t.err
	}
	if err != nil {
		t.c.Abort()
	}
	t.done(wire{t.c, t}, err)
}

// end has the handshake fail, if it has not ended.
func (t *tlsSide) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shaking && t.err == nil {
		t.err = err
		t.more.Signal()
	}
}

// Data is part of loop.Session: it takes in what the handshake reads.
func (t *tlsSide) Data(c *loop.Conn) error {
	for {
		b, err := c.Next()
		if err == errAgain {
			return nil
		}
		if err != nil {
			t.end(err)
			return err
		}
		t.w.seen.BytesIn += uint64(len(b))
		t.mu.Lock()
		t.in = append(t.in, b...)
		t.more.Signal()
		t.mu.Unlock()
	}
}

// Writable is part of loop.Session.
func (t *tlsSide) Writable(*loop.Conn) error { return nil }

// Closed is part of loop.Session.
func (t *tlsSide) Closed(_ *loop.Conn, err error) {
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	t.end(err)
}

// next returns plain text that has come, in a buffer that is valid until the next call.
func (t *tlsSide) next() ([]byte, error) {
	for {
		n, err := t.conn.Read(t.buf)
		if n > 0 {
			return t.buf[:n], nil
		}
		if err != errNothing {
			return nil, err
		}
		b, err := t.c.Next()
		if err != nil {
			return nil, err
		}
		t.in = b // in the loop's buffer: nobody reads from it before all is taken
	}
}

// Read is part of net.Conn.
func (t *tlsSide) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.shaking && len(t.in) == 0 && t.err == nil {
		t.more.Wait()
	}
	switch {
	case len(t.in) > 0:
		n := copy(p, t.in)
		t.in = t.in[n:]
		return n, nil
	case t.err != nil:
		return 0, t.err
	}
	return 0, errNothing
}

// Write is part of net.Conn. In the handshake it is called by another goroutine.
func (t *tlsSide) Write(p []byte) (int, error) {
	t.mu.Lock()
	shaking := t.shaking
	t.mu.Unlock()
	if shaking {
		return t.c.Handle().Write(p)
	}
	return t.c.Write(p)
}

// Close, the addresses and the deadlines are part of net.Conn, and mean nothing here.
func (t *tlsSide) Close() error                     { return nil }
func (t *tlsSide) LocalAddr() net.Addr              { return nil }
func (t *tlsSide) RemoteAddr() net.Addr             { return nil }
func (t *tlsSide) SetDeadline(time.Time) error      { return nil }
func (t *tlsSide) SetReadDeadline(time.Time) error  { return nil }
func (t *tlsSide) SetWriteDeadline(time.Time) error { return nil }

// errNothing is a temporary net.Error: there is nothing to read at this moment.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }
