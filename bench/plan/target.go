package plan

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Target is where a load goes: tcp://host:port or host:port, unix:///path, unix:@name,
// http://host/path, https://host/path.
type Target struct {
	Network string `json:"network"` // tcp or unix
	Address string `json:"address"` // host:port, path or @name
	URL     string `json:"url"`     // of an HTTP target, else empty
}

// ParseTarget reads a target's URL.
func ParseTarget(s string) (Target, error) {
	if strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
		return parseURL(s)
	}
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
		return Target{}, fmt.Errorf("target %q: %s: must be tcp://host:port or host:port, unix:///path or unix:@name, or, of a target, http:// or https://", s, why)
	}
	switch {
	case strings.HasPrefix(s, "unix:@") && len(s) > len("unix:@"):
		return Target{Network: "unix", Address: s[len("unix:"):]}, nil
	case strings.HasPrefix(s, "unix:///"):
		return Target{Network: "unix", Address: s[len("unix://"):]}, nil
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
	return Target{Network: "tcp", Address: address}, nil
}

// parseURL reads the URL of an HTTP target.
func parseURL(s string) (Target, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return Target{}, fmt.Errorf("target %w", err)
	case u.Hostname() == "" || u.User != nil:
		return Target{}, fmt.Errorf("target %q: must be http://HOST[:PORT]/PATH, without a user", s)
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // its port is a service of this name
	}
	number, _ := net.LookupPort("tcp", port)
	if number == 0 {
		return Target{}, fmt.Errorf("target %q: port %q is none to connect to", s, port)
	}
	u.Fragment = ""
	return Target{Network: "tcp", Address: net.JoinHostPort(u.Hostname(), strconv.Itoa(number)), URL: u.String()}, nil
}

// TLS reports whether the target is https.
func (t Target) TLS() bool { return strings.HasPrefix(t.URL, "https://") }

// At is the same target at another address.
func (t Target) At(address string) Target {
	if u, err := url.Parse(t.URL); err == nil && t.URL != "" {
		u.Host = address
		t.URL = u.String()
	}
	t.Network, t.Address = "tcp", address
	return t
}

// Host is what the requests of an HTTP target are for: host or host:port of its URL.
func (t Target) Host() string {
	if u, err := url.Parse(t.URL); err == nil && t.URL != "" {
		return u.Host
	}
	return t.Address
}

// Path is what the request line of an HTTP target says.
func (t Target) Path() string {
	if u, err := url.Parse(t.URL); err == nil && t.URL != "" {
		return u.RequestURI()
	}
	return "/"
}

func (t Target) String() string {
	switch {
	case t.URL != "":
		return t.URL
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
