// Package serve is the other end of a load: an echo, a sink, a source, an HTTP server.
// It runs on Penstock's loops, as a program of its own or within a test.
package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/penstock/penstock/bench/bulk"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

// A Kind is what a server does.
type Kind string

// The kinds. Sink and Source are the same to a verified stream, whose hello says what
// it wants, both directions included; without one a Sink reads and discards, and a
// Source waits, and takes nothing else. Of the light ones no byte is touched or verified: LightSink has the
// kernel discard, and LightSource sends at once, and discards.
const (
	Echo        Kind = "echo"
	Sink        Kind = "sink"
	Source      Kind = "source"
	HTTP        Kind = "http"
	LightSink   Kind = "light-sink"
	LightSource Kind = "light-source"
)

// A Server is one that runs.
type Server struct {
	srv    *loop.Server
	at     plan.Target
	served chan error
}

// anywhere is where a server listens that is not told where.
var anywhere = plan.Target{Network: "tcp", Address: "127.0.0.1:0"}

// Start starts a server on so many loops. The zero target is a free port of 127.0.0.1.
func Start(kind Kind, at plan.Target, loops int) (*Server, error) {
	open, err := opener(kind)
	if err != nil {
		return nil, err
	}
	if at == (plan.Target{}) {
		at = anywhere
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &Server{
		srv:    &loop.Server{Config: loop.Config{Loops: loops, Watchdog: -1, Logger: quiet}, Handler: open},
		served: make(chan error, 1),
	}
	addr, err := s.srv.Listen(at.Network, at.Address)
	if err != nil {
		return nil, err
	}
	s.at = plan.Target{Network: at.Network, Address: addr.String()}
	go func() { s.served <- s.srv.Serve(context.Background()) }()
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() plan.Target { return s.at }

// Counters are those of the server's loops.
func (s *Server) Counters() loop.Counters { return s.srv.Group().Counters() }

// Close ends the server, and resets its connections.
func (s *Server) Close() error {
	err := s.srv.Close()
	<-s.served
	return err
}

// opener answers what opens the connections of a kind of server.
func opener(kind Kind) (loop.Handler, error) {
	light := new(bulk.Light)
	stream := func(source bool, light *bulk.Light) loop.Handler {
		return loop.OnOpen(func(c *loop.Conn) error { return bulk.Serve(c, source, light, nobody{}).Begin() })
	}
	switch kind {
	case Echo:
		return loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err }), nil
	case HTTP:
		return loop.OnOpen(func(c *loop.Conn) error { return c.Attend(&answerer{c: c}) }), nil
	case Sink, Source:
		return stream(kind == Source, nil), nil
	case LightSink, LightSource:
		return stream(kind == LightSource, light), nil
	}
	return nil, fmt.Errorf("serve %q: must be echo, sink, source or http", kind)
}

// nobody owns the server's streams: what became of them their clients are told.
type nobody struct{}

func (nobody) Moved(_, _, _ int)         {}
func (nobody) Ended(*bulk.Stream, error) {}
