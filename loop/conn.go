package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A Conn is a connection on a loop. Its methods may be called on the loop's
// goroutine only: from its handlers, from functions that Handle.Do or Loop.Post
// run, and from timers. Everyone else holds its Handle.
//
// A Conn is never used again for another connection: after its end Read, Write,
// Close, CloseWrite and Serve answer net.ErrClosed, and the others do nothing,
// however long somebody keeps it.
//
// FD, Loop.Kernel, Available, Attend, Seal, Flush and Release are for tasks such as a
// relay; handlers do not need them.
type Conn struct {
	Registration
	out    *queue    // what the socket has not taken yet; nil if nothing
	set    *settings // of the server or dialer, shared
	closed atomic.Bool
	flags  connFlags
	turn   uint8 // in which Write sent last, modulo 256
	wrote  uint8 // KiB that it has sent in that turn
}

type connFlags uint16

const (
	paused    connFlags = 1 << iota // Pause: Data is not called
	congested                       // the queue reached High, or refused a write, and has not come down to Low
	closing                         // Close: reads are thrown away, the queue is being sent
	told                            // a reading call has answered the connection's error
	touched                         // a reading call was made since Data was called
	shutting                        // CloseWrite: our end follows the queue
	sealed                          // bytes go past Read and Write: it is relayed
	served                          // Serve has made a session's task of it
)

// newConn registers a descriptor, which was counted by addConn when it was meant
// for this loop, as a connection. On an error it is reset: closed in order, the peer
// would read an end that nobody sent.
func (l *Loop) newConn(num int, peer sys.Addr, set *settings) (*Conn, error) {
	c := &Conn{set: set}
	c.fd = fd.Own(num, peer.Family)
	if e := l.register(&c.Registration, parked{c}, false); e != 0 {
		c.fd.Reset(l.k)
		c.fd.Close(l.k)
		l.addConn(-1)
		l.group.freed()
		l.count.Rejected++
		return nil, &net.OpError{Op: "register", Net: network(peer.Family), Addr: fd.NetAddr(peer), Err: e}
	}
	c.keepPeer(l, peer)
	l.count.Conns++
	return c, nil
}

// parked is the task of a connection to which nobody attends yet: what was written
// to it is sent, and its readiness is kept until somebody does.
type parked struct{ c *Conn }

func (p parked) Ready(*Registration) bool { p.c.Flush(); return false }
func (p parked) Fail(err error)           { p.c.release(true) }

// Available says whether another task may take the connection over: net.ErrClosed if
// it has ended or is being closed, and ErrTaken if a task other than a Session's attends
// to it.
func (c *Conn) Available() error {
	if c.closed.Load() || c.flags&closing != 0 {
		return net.ErrClosed
	}
	switch c.task.(type) {
	case parked, *serving:
		return nil
	}
	return ErrTaken
}

// Seal has Read, Next, CopyTo, Write and CloseWrite answer ErrTaken from here on: for a task that
// moves the bytes itself, by FD, and into whose streams nobody else's may come.
func (c *Conn) Seal() { c.flags |= sealed }

// ErrTaken is answered of a connection that a task other than a Session has: a relay, or
// a dial.
var ErrTaken = errors.New("penstock: the connection is being relayed or dialled")

// Attend makes t the task of c, if it is available, in place of its Session, and has
// it run in the next turn. The end of the stream and an error are told anew. The
// task may end the connection only by Release.
func (c *Conn) Attend(t Task) error {
	if err := c.Available(); err != nil {
		return err
	}
	c.task = t
	c.fd.Reread()
	c.loop.push(&c.Registration)
	return nil
}

// Next reads what the connection has and answers it in the loop's own buffer,
// which holds up to 64 KiB and is valid until the next Next or CopyTo of any
// connection of this loop, or the handler's return: keep a copy. At the end of the stream it answers io.EOF, when nothing is there now
// (or this visit's budget is spent) ErrAgain, and otherwise why the connection
// failed.
func (c *Conn) Next() ([]byte, error) {
	n, err := c.Read(c.loop.read)
	return c.loop.read[:n], err
}

// Read is Next into p. It never waits. With an empty p it returns 0 and nil. On a relayed
// connection both return ErrTaken and take nothing. If a read outside of Data leaves
// something, Data is called for it.
func (c *Conn) Read(p []byte) (int, error) {
	l := c.loop
	c.flags |= touched
	switch {
	case c.closed.Load():
		return 0, net.ErrClosed
	case c.flags&sealed != 0:
		return 0, ErrTaken
	case len(p) == 0:
		return 0, nil
	case c.fd.ReadEnded():
		return 0, io.EOF
	case c.fd.Ready()&fd.Readable == 0:
		return 0, ErrAgain
	case l.left <= 0:
		l.push(&c.Registration) // no event will come for what is left
		return 0, ErrAgain
	}
	l.count.Recvs++
	n, e := c.fd.Recv(l.k, p)
	if l.visited != &c.Registration && c.fd.Ready()&fd.Readable != 0 {
		l.push(&c.Registration) // no event will come for what is left, nor for an error
	}
	if e != 0 {
		if e == sys.EAGAIN {
			return 0, ErrAgain
		}
		c.flags |= told
		return 0, c.opError("read", e)
	}
	if n == 0 {
		return 0, io.EOF
	}
	l.count.BytesIn += uint64(n)
	l.Spend(n)
	return n, nil
}

// CopyTo writes what the connection has to w. It answers nil when nothing more is
// there for now (unlike an io.WriterTo, which would wait), io.EOF once the stream
// has ended, and otherwise the error of the read or the write.
//
// If w is a Conn, which must be on the same loop (else it answers an error, and moves
// nothing), and is congested, CopyTo stops and answers nil; Data is called again when w's
// queue has come down to its low mark, or when w has failed or ended, for CopyTo to return
// that error. The bytes stay in the kernel, where they slow the peer down.
func (c *Conn) CopyTo(w io.Writer) (n int64, err error) {
	sink, _ := w.(*Conn)
	if sink != nil && sink.loop != c.loop {
		return 0, fmt.Errorf("penstock: copy from loop %d to a connection of loop %d: dial from the loop of the other connection", c.loop.id, sink.loop.id)
	}
	for {
		switch { // before bytes are read that the sink would not take
		case sink == nil:
		case sink.fd.Err() != 0:
			return n, sink.opError("write", sink.fd.Err())
		case sink.out != nil && sink.flags&congested != 0:
			sink.out.await(&c.Registration)
			return n, nil
		}
		b, err := c.Next()
		if err == ErrAgain {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := w.Write(b)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}

// Pause stops the calls of Data: what arrives stays in the kernel, and slows the
// peer down. It has no effect on writing. Of the peer's end, or a reset, a paused
// connection learns when it is resumed.
func (c *Conn) Pause() { c.flags |= paused }

// Resume undoes Pause.
func (c *Conn) Resume() {
	c.flags &^= paused
	if !c.closed.Load() {
		c.loop.push(&c.Registration)
	}
}
