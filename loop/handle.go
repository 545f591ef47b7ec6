package loop

import (
	"errors"
	"net"
)

// A Handle stands for a connection outside its loop. Any goroutine may use it,
// for as long as it likes: once the connection has ended it answers net.ErrClosed.
// It is a value, and may be compared.
type Handle struct{ c *Conn }

// Handle answers the connection's handle.
func (c *Conn) Handle() Handle { return Handle{c} }

// Do has f run on the connection's loop. f is not called if the connection ends
// before its turn comes; net.ErrClosed says that it has ended already.
func (h Handle) Do(f func(c *Conn)) error {
	if h.c.closed.Load() {
		return net.ErrClosed
	}
	return h.c.loop.Post(func() {
		if h.c.closed.Load() {
			return
		}
		h.c.loop.running.calls(f)
		h.c.loop.guard(&h.c.Registration, func() { f(h.c) })
	})
}

// Write has p written on the connection's loop. p is copied first; to send one p to
// many, use Do and Conn.Write, and leave p unchanged. Writes that the loop has not
// come to are not bounded by Marks: pace them. It answers nil also if the
// connection is then found closing, shut for writing or relayed, and the write is
// dropped. It answers
// before the bytes are sent: an error of the socket, or a full queue, resets the
// connection, and reaches the Session.
func (h Handle) Write(p []byte) (int, error) {
	b := append([]byte(nil), p...)
	err := h.Do(func(c *Conn) {
		// Of a connection that is being closed in order, or relayed, the write is dropped.
		_, err := c.Write(b)
		if err != ErrTaken && (errors.Is(err, ErrQueueFull) || err != nil && c.fd.Err() != 0) {
			c.task.Fail(err)
		}
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close has the connection closed in order.
func (h Handle) Close() error { return h.Do(func(c *Conn) { c.Close() }) }

// Abort has the connection reset.
func (h Handle) Abort() error { return h.Do(func(c *Conn) { c.Abort() }) }
