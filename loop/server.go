package loop

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/fd"
)

// Balance is how a server spreads its connections over its loops.
type Balance int

const (
	// LeastConns has one listener, whose loop hands each connection to the loop
	// with the fewest. It is even whatever the peers are. The default.
	LeastConns Balance = iota
	// ByKernel has a listener with SO_REUSEPORT on each loop, among which the
	// kernel chooses by a hash of the addresses. It spares the hand-over, and is
	// uneven with few connections that live long. Unix sockets have no such thing.
	ByKernel
)

// A Server accepts connections onto its loops. Its fields must not be changed
// once it listens. One is enough for a process: it can listen on many addresses, which
// Conn.LocalAddr tells apart, and its loops share one budget of pipes.
type Server struct {
	// Handler opens the connections. It must be set.
	Handler Handler
	// Config is how the loops run.
	Config Config
	// Balance spreads the connections.
	Balance Balance
	// Socket are the options of the listeners and of what they accept.
	Socket fd.Options
	// Backlog is how many connections may wait to be accepted. Default (0): 4096,
	// capped by the kernel at net.core.somaxconn.
	Backlog int
	// MaxConns is how many connections may be open, dialled ones included, for more to
	// be accepted; the rest wait in the backlog. A dial is never held back, so that a
	// forwarder, each of whose relays counts as two, can come to twice as many for a
	// while. Default (0): as many as descriptors.
	MaxConns int
	// BacklogTimeout bounds the wait for room. When no connection could be accepted for
	// so long, those that wait in the backlog are reset, one every 100 ms, until there
	// is room. A forwarder needs it: if its backend leads back to it, its connections
	// hold each other, and the last of them waits in its own backlog. Default (0, or
	// less): no bound.
	BacklogTimeout time.Duration
	// Marks bound the write queues.
	Marks Marks
	// DrainTimeout is how long connections have to end by themselves once the
	// context of Serve has ended. Default (0): 30 s. Negative: no time. Where
	// sessions close when they are drained, choose Socket.Linger well below it.
	DrainTimeout time.Duration

	set *settings

	// life is held while a listener is made, so that Serve finds all, and Close leaves none.
	life   sync.Mutex
	served bool // guarded by life: Serve was called
	closed bool // guarded by life

	mu    sync.Mutex
	group *Group // guarded by mu; nil before the first Listen
	paths []path // guarded by mu; Unix sockets to unlink
}

// A path is where a Unix socket was made, and the file that it was then.
type path struct {
	name string
	file os.FileInfo
}

const defaultDrain = 30 * time.Second

// ErrDrainTimeout is wrapped in what Serve answers when connections outlived
// DrainTimeout and were reset.
var ErrDrainTimeout = errors.New("penstock: connections outlived the drain")

// ListenAndServe is Listen and Serve.
func (s *Server) ListenAndServe(ctx context.Context, network, address string) error {
	if _, err := s.Listen(network, address); err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Group answers the server's loops, nil before Listen.
func (s *Server) Group() *Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group
}

// Serve accepts connections until ctx ends, then drains: it stops listening,
// waits up to DrainTimeout for the connections to end by themselves, and resets
// those that have not. It returns nil if none was left, an error that wraps
// ErrDrainTimeout if some were, and ErrServerClosed after Close. If a handler does not
// return, Serve returns ErrDrainTimeout 5 s after DrainTimeout, and the loop ends with
// the handler. A server serves once.
func (s *Server) Serve(ctx context.Context) error {
	g := s.Group()
	if g == nil {
		return errors.New("penstock: Serve before Listen")
	}
	if g.closing.Load() {
		return ErrServerClosed
	}
	s.life.Lock()
	again := s.served
	s.served = true
	s.life.Unlock()
	if again {
		return errors.New("penstock: a server serves once")
	}
	errs, n := s.acceptAll(g)
	for range n {
		if err := <-errs; err != nil {
			s.Close()
			return err
		}
	}
	select {
	case <-ctx.Done():
		return s.drain(g)
	case <-g.over:
		return ErrServerClosed
	}
}

// acceptAll has all listeners begin to accept, each on its loop, and answers how
// many outcomes will come.
func (s *Server) acceptAll(g *Group) (errs chan error, n int) {
	g.mu.Lock()
	listeners := slices.Clone(g.listeners)
	g.mu.Unlock()
	errs = make(chan error, len(listeners))
	for _, ln := range listeners {
		if ln.loop.Post(func() { errs <- ln.accept() }) != nil {
			errs <- ErrServerClosed
		}
	}
	return errs, len(listeners)
}

// accept begins accepting, on the listener's loop.
func (a *listener) accept() error {
	if e := a.loop.register(&a.Registration, a, true); e != 0 {
		a.fd.Close(a.loop.k)
		return os.NewSyscallError("epoll_ctl", e)
	}
	return nil
}

// Close ends a server at once: its connections are reset, and told
// ErrServerClosed. A server that Serve has returned from is closed already, one
// that failed to listen is not. Called by a handler, it returns nil at once, and the
// server ends when the handler has returned.
func (s *Server) Close() error {
	if g := s.Group(); g != nil && g.onLoop() {
		go s.close()
		return nil
	}
	return s.close()
}

func (s *Server) close() error {
	s.life.Lock()
	g := s.Group()
	s.closed = g != nil
	s.life.Unlock()
	if g == nil {
		return nil
	}
	s.unlink()
	return g.Close()
}

// keep notes the file of a Unix socket, to unlink it at the end.
func (s *Server) keep(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if file, err := os.Lstat(name); err == nil {
		s.paths = append(s.paths, path{name, file})
	}
}

// unlink removes the files of the Unix sockets, unless a successor has made others in
// their places (fd.Unlink).
func (s *Server) unlink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.paths {
		fd.Unlink(p.name, p.file)
	}
	s.paths = nil
}
