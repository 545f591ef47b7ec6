package fleet

import (
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

// maxPayload is room for a window whose histograms are as full as can be.
const maxPayload = 8 << 20

// serve starts a NATS server in this process: no logs, nothing on disk.
func serve(address, token string) (*server.Server, error) {
	host, port, err := split(address, token)
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "penstock-bench", Host: host, Port: port, Authorization: token,
		MaxPayload: maxPayload, MaxPending: 64 << 20, NoSigs: true,
	})
	if err != nil {
		return nil, fmt.Errorf("--agents-listen %s: %w", address, err)
	}
	var why complaint
	s.SetLoggerV2(&why, false, false, false)
	s.Start()
	if s.Addr() == nil {
		s.Shutdown()
		return nil, fmt.Errorf("--agents-listen %s: %s", address, why)
	}
	return s, nil
}

// split checks an address to listen on. Port 0 is any.
func split(address, token string) (host string, port int, err error) {
	host, service, err := net.SplitHostPort(address)
	if err == nil {
		port, err = net.LookupPort("tcp", service)
	}
	if err != nil {
		return "", 0, fmt.Errorf("--agents-listen %s: %w: must be host:port", address, err)
	}
	if ip := net.ParseIP(host); token == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, fmt.Errorf("--agents-listen %s: other machines reach it, and whoever does could give agents orders: set --agents-token", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// A complaint is the server's log: it keeps why the server could not start.
type complaint string

func (c *complaint) Fatalf(format string, v ...any) { *c = complaint(fmt.Sprintf(format, v...)) }
func (c *complaint) Errorf(string, ...any)          {}
func (c *complaint) Warnf(string, ...any)           {}
func (c *complaint) Noticef(string, ...any)         {}
func (c *complaint) Debugf(string, ...any)          {}
func (c *complaint) Tracef(string, ...any)          {}

// url is what agents on this machine connect to.
func url(s *server.Server) string {
	a := s.Addr().(*net.TCPAddr)
	return "nats://" + net.JoinHostPort(a.IP.String(), strconv.Itoa(a.Port))
}
