package soak

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// A fault is what a bad forwarder does to the bytes that it has read, and to the end
// that it has met: the soak must notice each of them. It answers what to write, and
// whether to go on.
type fault func(w *wire, p []byte, err error) ([]byte, bool)

// A wire is one direction through a bad forwarder.
type wire struct {
	from, to *net.TCPConn
	back     bool   // from the backend
	moved    int    // bytes written so far
	held     []byte // for the fault's own use
	struck   bool   // the fault has been committed
}

// faults by name. They strike in the answers' direction, behind some bytes, so that
// the header arrives and the connection is known.
var faults = map[string]fault{
	"drop": func(w *wire, p []byte, err error) ([]byte, bool) {
		if w.strikes(len(p)) {
			p = p[1:]
		}
		return p, err == nil
	},
	"repeat": func(w *wire, p []byte, err error) ([]byte, bool) {
		if w.strikes(len(p)) {
			p = append(bytes.Clone(p), p...)
		}
		return p, err == nil
	},
	"swap": func(w *wire, p []byte, err error) ([]byte, bool) {
		if len(p) > 8 && w.strikes(len(p)) {
			p[0], p[7] = p[7], p[0]
		}
		return p, err == nil
	},
	"tail": func(w *wire, p []byte, err error) ([]byte, bool) { // loses the last bytes in front of the end
		if w.back {
			p = append(w.held, p...)
			keep := min(len(p), 3)
			w.held = bytes.Clone(p[len(p)-keep:])
			p = p[:len(p)-keep]
		}
		return p, err == nil
	},
	"clean": func(w *wire, p []byte, err error) ([]byte, bool) { // makes an end of a reset
		if err != nil {
			w.to.CloseWrite()
		}
		return p, err == nil
	},
	"early": func(w *wire, p []byte, err error) ([]byte, bool) { // sends the end before all bytes
		if w.strikes(len(p)) {
			w.to.CloseWrite()
			io.Copy(io.Discard, w.from)
			return nil, false
		}
		return p, err == nil
	},
	"cut": func(w *wire, p []byte, err error) ([]byte, bool) { // resets for no reason
		if w.strikes(len(p)) {
			w.to.SetLinger(0)
			w.from.SetLinger(0)
			w.to.Close()
			w.from.Close()
			return nil, false
		}
		return p, err == nil
	},
	"hang": func(w *wire, p []byte, err error) ([]byte, bool) {
		if w.strikes(len(p)) {
			time.Sleep(time.Hour)
		}
		return p, err == nil
	},
}

// strikes says whether to commit the fault now: once, in front of n bytes.
func (w *wire) strikes(n int) bool {
	if w.struck || !w.back || w.moved < 2000 || n == 0 {
		return false
	}
	w.struck = true
	return true
}

// faulty is the role of a bad forwarder.
func (r *roleSettings) faulty() error {
	f := faults[r.fault]
	if f == nil {
		return fmt.Errorf("no fault %q", r.fault)
	}
	var at []string
	for s := range services {
		ln, err := net.Listen("tcp", place(r.host, r.port, s))
		if err != nil {
			return err
		}
		at = append(at, ln.Addr().String())
		go acceptAll(ln, func(a net.Conn) {
			if s == echo {
				plainEcho(a)
			} else {
				badRelay(a.(*net.TCPConn), r.to[0], f)
			}
		})
	}
	r.say(message{Ready: at})
	return obey(func(string) { r.say(message{State: &state{}}) })
}

func acceptAll(ln net.Listener, serve func(net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go serve(c)
	}
}

// plainEcho hides the connection's ReadFrom: splicing would stop at an urgent byte.
func plainEcho(c net.Conn) {
	defer c.Close()
	io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
}

func badRelay(a *net.TCPConn, to string, f fault) {
	dialled, err := net.Dial("tcp", to)
	if err != nil {
		a.SetLinger(0)
		a.Close()
		return
	}
	b := dialled.(*net.TCPConn)
	done := make(chan bool, 2)
	up, down := &wire{from: a, to: b}, &wire{from: b, to: a, back: true}
	go func() { up.run(f); done <- true }()
	go func() { down.run(f); done <- true }()
	<-done
	<-done
	a.Close()
	b.Close()
}

// run relays until the end, which it sends on, or a reset, which it makes of both: a
// naive relay, which besides its fault takes a reset that its other direction has met
// for an end.
func (w *wire) run(f fault) {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.from.Read(buf)
		p, on := f(w, buf[:n], err)
		if _, e := w.to.Write(p); err == nil {
			err = e
		}
		w.moved += len(p)
		if err == nil && on {
			continue
		}
		if err == io.EOF {
			w.to.CloseWrite()
		} else if err != nil {
			w.to.SetLinger(0)
			w.from.SetLinger(0)
			w.to.Close()
			w.from.Close()
		}
		return
	}
}
