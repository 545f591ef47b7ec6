package loop

import (
	"fmt"
	"net"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A Dialer connects without waiting. The zero value is the default.
type Dialer struct {
	// Timeout bounds everything: resolving the name, trying its addresses one
	// after another, of which each has its share, and at least 2 s, and waiting for a
	// descriptor if there is none. Default (0, or less): 10 s.
	Timeout time.Duration
	// Source is the address to connect from: an IP address, or IP:port.
	// Default (""): the kernel chooses.
	Source string
	// Socket are the options of the socket.
	Socket fd.Options
	// Marks bound the write queue of the connection.
	Marks Marks
}

const dialTimeout = 10 * time.Second

// Dial connects to a TCP address (host:port; a name is resolved on a worker) or
// a Unix one (path, or @name), and calls done on this loop: with the connection,
// which is parked until somebody serves or relays it, or with nil and a
// *net.OpError: os.ErrDeadlineExceeded at Timeout; of several addresses that of the
// first. If done answers io.EOF the connection is closed in order, with any other error
// it is reset. With a connection it may be called before Dial returns, with an error it
// is not; and it is not called if the loop ends while a name is resolved.
//
// Only l's goroutine may call it. Dial itself answers an error, and done is not
// called, if an argument is bad, the workers are busy (pool.ErrBusy) or the loop
// has ended (net.ErrClosed). d must not be changed meanwhile.
func (d *Dialer) Dial(l *Loop, network, address string, done func(*Conn, error) error) error {
	return d.dial(l, nil, network, address, done)
}

// DialFor is Dial on behalf of c, on c's loop: what done answers ends c as well,
// unless c is closing already. If c ends first, done gets an error when the attempt
// ends, at the latest after Timeout.
func (d *Dialer) DialFor(c *Conn, network, address string, done func(*Conn, error) error) error {
	return d.dial(c.loop, c, network, address, done)
}

// Dial is Dialer.DialFor with the default Dialer.
func (c *Conn) Dial(network, address string, done func(*Conn, error) error) error {
	return defaultDialer.DialFor(c, network, address, done)
}

var defaultDialer Dialer

// settings are shared by the connections of all dialers with the default ones;
// others cost each connection 32 bytes.
func (d *Dialer) settings() *settings {
	if d.Marks == (Marks{}) && d.Socket.Linger == 0 {
		return defaultSettings
	}
	return newSettings(d.Marks, &d.Socket)
}

var defaultSettings = newSettings(Marks{}, new(fd.Options))

func (d *Dialer) dial(l *Loop, parent *Conn, network, address string, done func(*Conn, error) error) error {
	addr, literal, err := fd.ParseAddr(network, address)
	if err != nil {
		return err
	}
	source, err := d.source()
	if err != nil {
		return err
	}
	if l.ended {
		return net.ErrClosed
	}
	t := l.newDial()
	*t = dial{l: l, parent: parent, d: d, done: done, network: network, source: source}
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = dialTimeout
	}
	t.deadline = after(l.k.Now(), timeout)
	if !literal {
		return t.resolve(address, timeout)
	}
	t.addr, t.calling = addr, true
	t.begin()
	t.calling = false
	return nil
}

func (d *Dialer) source() (*sys.Addr, error) {
	if d.Source == "" {
		return nil, nil
	}
	address := d.Source
	if ip := net.ParseIP(address); ip != nil {
		address = net.JoinHostPort(address, "0")
	}
	a, literal, err := fd.ParseAddr("tcp", address)
	if err == nil && !literal {
		err = fmt.Errorf("penstock: source address %q: must be a literal IP address, or IP:port", d.Source)
	}
	return &a, err
}
