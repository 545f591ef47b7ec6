package plan

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// A Target is where a load goes: tcp://host:port or host:port, unix:///path, unix:@name.
type Target struct {
	Network string `json:"network"` // tcp or unix
	Address string `json:"address"` // host:port, path or @name
}

// ParseTarget reads a target's URL.
func ParseTarget(s string) (Target, error) {
	t, err := ParseListen(s)
	if err != nil || t.Network != "tcp" {
		return t, err
	}
	_, port, _ := net.SplitHostPort(t.Address)
	if n, _ := net.LookupPort("tcp", port); n == 0 {
		return Target{}, fmt.Errorf("target %q: port %q is none to connect to", s, port)
	}
	return t, nil
}

// ParseListen reads the URL of where to listen: a target's, with port 0 for any that
// is free.
func ParseListen(s string) (Target, error) {
	bad := func(why string) (Target, error) {
		return Target{}, fmt.Errorf("target %q: %s: must be tcp://host:port or host:port, unix:///path or unix:@name", s, why)
	}
	switch {
	case strings.HasPrefix(s, "unix:@") && len(s) > len("unix:@"):
		return Target{"unix", s[len("unix:"):]}, nil
	case strings.HasPrefix(s, "unix:///"):
		return Target{"unix", s[len("unix://"):]}, nil
	case strings.HasPrefix(s, "unix:"):
		return bad("a path begins with /, and a name is not empty")
	}
	address := strings.TrimPrefix(s, "tcp://")
	if strings.Contains(address, "://") {
		return bad("unknown scheme")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return bad(err.Error())
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return bad("there is no port " + port)
	}
	if host == "" {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return Target{"tcp", address}, nil
}

func (t Target) String() string {
	switch {
	case t.Network == "tcp":
		return "tcp://" + t.Address
	case strings.HasPrefix(t.Address, "@"):
		return "unix:" + t.Address
	}
	return "unix://" + t.Address
}

// UnmarshalText lets a flag be a Target.
func (t *Target) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTarget(string(text))
	return err
}

// MarshalText is the URL.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Loopback says that the target is in 127.0.0.0/8, so that connections may come
// from any address there.
func (t Target) Loopback() bool {
	a, err := netip.ParseAddrPort(t.Address)
	return err == nil && t.Network == "tcp" && a.Addr().Is4() && a.Addr().IsLoopback()
}
