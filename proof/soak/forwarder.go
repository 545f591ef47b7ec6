package soak

import (
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A state is what the forwarder tells of itself.
type state struct {
	loop.Counters
	Goroutines int
	Pages      int // of its pipes
	Budget     int // how many they may have
	Numbers    int // descriptors of connections had numbers below this
	Tick       bool
}

// A forwarder is the product: a server that relays, and answers on its echo port.
type forwarder struct {
	srv     *loop.Server
	ports   map[int]service
	backend string
	dialer  *loop.Dialer
	options [services]*splice.Options
	echo    loop.Handler
	numbers atomic.Int64
}

func newForwarder(backend string) *forwarder {
	socket := fd.Options{KeepAlive: keepAlive.Idle}
	f := &forwarder{
		ports: map[int]service{}, backend: backend,
		dialer:  &loop.Dialer{Socket: socket},
		options: [services]*splice.Options{auto: {Mode: splice.Auto}, spliced: {Mode: splice.Splice}, copied: {Mode: splice.Copy}},
		echo: loop.OnData(func(c *loop.Conn) error {
			_, err := c.CopyTo(c)
			return err
		}),
	}
	f.srv = &loop.Server{
		Handler: f, Socket: socket, DrainTimeout: time.Second,
		Config: loop.Config{Loops: 2, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))},
	}
	return f
}

// listen opens the ports, one for each service.
func (f *forwarder) listen(host string, port int) (at []string, err error) {
	for s := range services {
		addr, err := f.srv.Listen("tcp", place(host, port, s))
		if err != nil {
			return nil, err
		}
		f.ports[addr.(*net.TCPAddr).Port] = s
		at = append(at, addr.String())
	}
	return at, nil
}

// Open serves a connection as its port says.
func (f *forwarder) Open(c *loop.Conn) (loop.Session, error) {
	f.number(c)
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil, net.ErrClosed
	}
	s := f.ports[local.Port]
	if s == echo {
		return f.echo.Open(c)
	}
	return nil, f.dialer.DialFor(c, "tcp", f.backend, func(up *loop.Conn, err error) error {
		if err != nil {
			return err
		}
		f.number(up)
		return splice.Relay(c, up, f.options[s])
	})
}

// number keeps the highest number: the kernel gives the lowest that is free.
func (f *forwarder) number(c *loop.Conn) {
	n := int64(c.FD().Num()) + 1
	for {
		old := f.numbers.Load()
		if n <= old || f.numbers.CompareAndSwap(old, n) {
			return
		}
	}
}

func (f *forwarder) state() *state {
	pages, budget := f.srv.Group().PipePages()
	return &state{
		Counters:   f.srv.Group().Counters(),
		Goroutines: runtime.NumGoroutine(), Pages: pages, Budget: budget, Numbers: int(f.numbers.Load()),
	}
}

// collect leaves in memory what is alive.
func (f *forwarder) collect() {
	runtime.GC()
	debug.FreeOSMemory()
}

// tick tells the state every second.
func (f *forwarder) tick(ctx context.Context, say func(message)) {
	for each := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-each.C:
			s := f.state()
			s.Tick = true
			say(message{State: s})
		}
	}
}
