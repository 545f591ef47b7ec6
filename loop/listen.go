package loop

import (
	"errors"
	"net"
	"strconv"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// Listen listens on an address: "tcp", "tcp4" or "tcp6" with IP:port (":port" is
// any address, of both families), or "unix" with a path or @name; a name is
// resolved, which blocks. It returns the address that the listener is bound to, port 0
// replaced by the kernel's choice. It may be called several times before Serve, and
// returns an error after it. On an error the server is as it was.
//
// A Unix path that a server left behind when it crashed is taken over. Of several
// servers that start on one path at the same time one listens, and the others get
// EADDRINUSE (fd.Listen has the lock that it takes).
func (s *Server) Listen(network, address string) (net.Addr, error) {
	if s.Handler == nil {
		return nil, errors.New("penstock: Server.Handler is nil: it must open the connections")
	}
	a, literal, err := fd.ParseAddr(network, address)
	if err == nil && !literal {
		a, err = resolveListen(network, address)
	}
	if err != nil {
		return nil, err
	}
	s.life.Lock()
	defer s.life.Unlock()
	g, err := s.start()
	if err != nil {
		return nil, err
	}
	if s.served {
		return nil, errors.New("penstock: Listen after Serve: listen on all addresses before")
	}
	bound, err := s.listen(g, network, a)
	if err != nil {
		s.abandon(g)
		return nil, &net.OpError{Op: "listen", Net: network, Addr: fd.NetAddr(a), Err: err}
	}
	return fd.NetAddr(bound), nil
}

func resolveListen(network, address string) (sys.Addr, error) {
	t, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return sys.Addr{}, err
	}
	if t.IP == nil { // ":http"
		a, _, err := fd.ParseAddr(network, net.JoinHostPort("", strconv.Itoa(t.Port)))
		return a, err
	}
	return fd.Inet(network, t.AddrPort())
}

func (s *Server) start() (*Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.group != nil && s.group.closing.Load() {
		return nil, ErrServerClosed
	}
	if s.group == nil {
		s.set = newSettings(s.Marks, &s.Socket)
		g, err := Start(s.Config)
		if err != nil {
			return nil, err
		}
		s.group = g
	}
	return s.group, nil
}

// abandon ends the loops that were started for a listener that could not be made.
func (s *Server) abandon(g *Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.mu.Lock()
	none := len(g.listeners) == 0
	g.mu.Unlock()
	if none {
		g.Close()
		s.group = nil
	}
}

// listen makes one listening socket, or one for each loop.
func (s *Server) listen(g *Group, network string, a sys.Addr) (sys.Addr, error) {
	each := s.Balance == ByKernel && a.Family != sys.Unix && len(g.loops) > 1
	options := s.Socket
	options.ReusePort = options.ReusePort || each
	loops := g.loops[:1]
	if each {
		loops = g.loops
	}
	var made []*listener
	set := *s.set // shared by what the address accepts
	for _, l := range loops {
		num, bound, err := fd.Listen(g.k, network, a, &options, s.Backlog)
		if err != nil {
			for _, ln := range made {
				ln.fd.Close(g.k)
			}
			return a, err
		}
		a = bound // the others share the port that the first was given
		ln := &listener{s: s, set: &set, spread: !each && len(g.loops) > 1}
		ln.loop = l
		ln.fd = fd.Own(num, a.Family)
		made = append(made, ln)
	}
	if a.Family == sys.Unix || !a.AP.Addr().IsUnspecified() {
		set.local = &a
	}
	g.mu.Lock()
	g.listeners = append(g.listeners, made...)
	g.mu.Unlock()
	if a.Family == sys.Unix && a.Path[0] != '@' {
		s.keep(a.Path)
	}
	return a, nil
}
