package suites

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A copier is the plain forwarder that the relay is compared with: two goroutines
// and io.Copy for each connection. It sends ends on, and makes a reset of every
// error.
type copier struct {
	loses     bool
	listeners []net.Listener
	accepted  atomic.Uint64
	copied    atomic.Uint64
	open      atomic.Int64
}

// lossy is the mode of a copier that loses the last byte of each answer. The tests
// must notice.
const lossy = "lossy"

func (c *copier) listen(address string) error {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		c.listeners = append(c.listeners, ln)
	}
	return err
}

func (c *copier) serve(ctx context.Context) error {
	var all sync.WaitGroup
	for _, ln := range c.listeners {
		all.Go(func() {
			for {
				a, err := ln.Accept()
				if err != nil {
					return
				}
				c.accepted.Add(1)
				c.open.Add(1)
				go func() {
					defer c.open.Add(-1)
					c.forward(a.(*net.TCPConn))
				}()
			}
		})
	}
	<-ctx.Done()
	for _, ln := range c.listeners {
		ln.Close()
	}
	all.Wait()
	return nil
}

func (c *copier) count() counters {
	return counters{Open: int(c.open.Load()), Accepted: c.accepted.Load(), Copied: c.copied.Load()}
}

func (c *copier) forward(a *net.TCPConn) {
	b, err := c.dial(a)
	if err != nil {
		a.SetLinger(0)
		a.Close()
		return
	}
	var up, down error
	var both sync.WaitGroup
	both.Go(func() { up = c.copy(b, a, false) })
	both.Go(func() { down = c.copy(a, b, c.loses) })
	both.Wait()
	if errors.Join(up, down) != nil {
		a.SetLinger(0)
		b.SetLinger(0)
	}
	a.Close()
	b.Close()
}

func (c *copier) dial(a *net.TCPConn) (*net.TCPConn, error) {
	raw, err := a.SyscallConn()
	if err != nil {
		return nil, err
	}
	var to string
	control := raw.Control(func(fd uintptr) {
		ap, e := originalDestination(int(fd), a.LocalAddr().(*net.TCPAddr).IP.To4() == nil)
		to, err = ap.String(), e
	})
	if err := errors.Join(control, err); err != nil {
		return nil, err
	}
	d := net.Dialer{}
	if d.LocalAddr, err = net.ResolveTCPAddr("tcp", sourceFor(a.RemoteAddr(), uint32(c.accepted.Load()))); err != nil {
		return nil, err
	}
	b, err := d.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	return b.(*net.TCPConn), nil
}

// copy copies one direction. An error ends the other direction, too.
func (c *copier) copy(to, from *net.TCPConn, loses bool) error {
	var source io.Reader = from
	if loses {
		source = &lastLost{from: from}
	}
	n, err := io.Copy(to, source)
	c.copied.Add(uint64(n))
	if err == nil {
		return to.CloseWrite()
	}
	to.SetLinger(0)
	from.SetLinger(0)
	to.Close()
	from.Close()
	return err
}

// A lastLost reads all but the last byte. One byte is always held back.
type lastLost struct {
	from io.Reader
	held []byte
}

func (l *lastLost) Read(p []byte) (int, error) {
	n, err := l.from.Read(p[1:])
	if n == 0 {
		return 0, err
	}
	head := copy(p, l.held)
	if head == 0 {
		copy(p, p[1:n+1])
	}
	total := head + n
	l.held = append(l.held[:0], p[total-1])
	return total - 1, err
}
