package loop

import (
	"fmt"
	"net"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A Dialer connects without waiting. The zero value is the default.
//
// A name may have several addresses. Those of the family of the first one are tried one
// after another; 300 ms later, or when none of them can be reached, those of the other
// family beside them, unless descriptors are short. The first connection is used (RFC
// 8305). A socket that was connected to itself, because its own port is the one that it
// was to reach, is not used: after three of them the address refuses connections.
type Dialer struct {
	// Timeout bounds everything: the look-up of the name, the attempts to reach its
	// addresses, of which each has its share, and at least 2 s, and the wait for a
	// descriptor if there is none. Default (0, or less): 10 s.
	Timeout time.Duration
	// Resolver looks names up. It must be comparable, as a pointer is: one look-up of a
	// name runs at a time in a group for each resolver, and its answer is used for a
	// second. Failures are not kept. Default (nil): net.DefaultResolver.
	Resolver Resolver
	// Source is the address to connect from: an IP address, or IP:port.
	// Default (""): the kernel chooses.
	Source string
	// Socket are the options of the socket.
	Socket fd.Options
	// Marks bound the write queue of the connection.
	Marks Marks
}

const dialTimeout = 10 * time.Second

// Dial connects to a TCP address (host:port) or a Unix one (path, or @name), and invokes
// done on this loop, after Dial has returned: with the connection, which is parked until
// it is served or relayed, or with nil and a *net.OpError. At Timeout that is
// os.ErrDeadlineExceeded; if no address could be reached it is the error of the first. If
// done returns io.EOF the connection is closed gracefully, with any other error it is
// reset.
//
// A name, of the host or of the port, is looked up on a worker. An empty or unspecified
// host ("", 0.0.0.0, ::) is this machine: 127.0.0.1 and ::1.
//
// Only l's goroutine may call it. Dial returns an error itself, and done is not invoked,
// if an argument is bad, the workers are busy or 16,384 dials wait for look-ups
// (pool.ErrBusy), or the loop has ended (net.ErrClosed). If the loop ends later done is
// invoked with ErrServerClosed. d must not be changed meanwhile.
func (d *Dialer) Dial(l *Loop, network, address string, done func(*Conn, error) error) error {
	return d.dial(l, nil, network, address, done)
}

// DialFor is Dial on behalf of c, the parent, on its loop: an error that done returns ends
// c as well, unless c is closing already.
//
// If c ends first, or is reset by its peer, the dial is given up at once. done is invoked
// in the next turn, with an error that wraps net.ErrClosed, and the error of c if it was
// reset. The end of c's stream is no such reason, because it may follow a request; so a
// peer that closes its socket is noticed when something is sent to it. If c is being
// closed the dial is given up when its attempt ends.
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
	*t = dial{l: l, parent: parent, d: d, done: done, network: network, address: address, source: source, calling: true}
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = dialTimeout
	}
	t.deadline = after(l.k.Now(), timeout)
	l.linkDial(t)
	switch {
	case !literal:
		if err := t.resolve(); err != nil {
			t.over()
			t.recycle()
			return err
		}
	case addr.Family != sys.Unix && addr.AP.Addr().IsUnspecified():
		t.connect(local(network, addr.Family == sys.Inet4 || address[0] == ':', addr.AP.Port()))
	default:
		t.lanes[0].plan(t, addr, nil)
		t.lanes[0].begin()
	}
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
