package cli

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/penstock/penstock/fd"
)

// Addr is an address as the command line has it: host:port, unix:/path or
// unix:@abstract.
type Addr struct{ Network, Address string }

func (a Addr) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return a.Address
}

// ListenVar defines a flag with an address to listen on. It refuses what can never be
// listened on. Port 0 stands for one that the kernel chooses, an empty host for every
// address of this machine.
func ListenVar(a *Addr, name, usage string) {
	flag.Func(name, usage, func(s string) (err error) { *a, err = parse(s, false); return err })
}

// DialVar defines a flag with an address to connect to. It refuses what no connection
// can ever be made to. An empty host stands for this machine.
func DialVar(a *Addr, name, usage string) {
	flag.Func(name, usage, func(s string) (err error) { *a, err = parse(s, true); return err })
}

func parse(s string, dial bool) (Addr, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok && !strings.HasPrefix(path, "//") {
		return Addr{"unix", path}, checkUnix(path, dial)
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		return Addr{}, fmt.Errorf("has the scheme %s: leave it out, %q, or write unix:/path", scheme, rest)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }); i >= 0 {
		return Addr{}, fmt.Errorf("contains the character %q: remove it", s[i])
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Addr{}, notHostPort(s)
	}
	if err := checkPort(port, dial); err != nil {
		return Addr{}, err
	}
	return Addr{"tcp", s}, checkHost(host)
}

// notHostPort says what s needs to be host:port.
func notHostPort(s string) error {
	const want = "must be host:port, unix:/path or unix:@name"
	switch _, err := netip.ParseAddr(s); {
	case s == "":
		return errors.New("is empty: " + want)
	case err == nil || !strings.ContainsAny(s, ":[]"):
		return fmt.Errorf("has no port: write %s", net.JoinHostPort(s, "PORT"))
	case strings.Count(s, ":") > 1 && !strings.ContainsAny(s, "[]"):
		return errors.New("has too many colons: an IPv6 address needs brackets, as in [::1]:80")
	}
	return errors.New(want + "; an IPv6 address stands in brackets, as in [::1]:80")
}

func checkPort(port string, dial bool) error {
	n, err := strconv.Atoi(port)
	switch {
	case port == "":
		return errors.New("has no port behind the colon: must be 1 to 65535, or a service's name")
	case err == nil && (n < 0 || n > 65535):
		return fmt.Errorf("has port %s: must be 1 to 65535", port)
	case err == nil && n == 0 && dial:
		return errors.New("has port 0, to which nothing can connect: must be 1 to 65535")
	case err == nil:
		return nil
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("has port %q, which is no service of /etc/services: must be 1 to 65535, or a service's name", port)
	}
	return nil
}

func checkHost(host string) error {
	if host == "" {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return checkName(host)
	}
	switch ip = ip.Unmap(); {
	case ip.IsMulticast():
		return fmt.Errorf("has the multicast address %v: TCP needs the address of one host", ip)
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("has the broadcast address %v: TCP needs the address of one host", ip)
	case ip.Is6() && ip.IsLinkLocalUnicast() && ip.Zone() == "":
		return fmt.Errorf("has the link-local address %v without a zone: name the interface, as in [%v%%eth0]:80", ip, ip)
	case ip.Zone() == "":
		return nil
	}
	if index, err := strconv.Atoi(ip.Zone()); err == nil {
		_, err = net.InterfaceByIndex(index)
		return noInterface(ip.Zone(), err)
	}
	_, err = net.InterfaceByName(ip.Zone())
	return noInterface(ip.Zone(), err)
}

func noInterface(zone string, err error) error {
	if err != nil {
		return fmt.Errorf("has the zone %q, which is no interface of this machine: ip link lists them", zone)
	}
	return nil
}

// checkName refuses what no resolver looks up.
func checkName(host string) error {
	name := strings.TrimSuffix(host, ".")
	labels := strings.Split(name, ".")
	if last := labels[len(labels)-1]; last != "" && strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("has the host %q, which is no IPv4 address: it must be four numbers from 0 to 255, without leading zeros", host)
	}
	if len(name) > 253 {
		return fmt.Errorf("has a host name of %d characters: at most 253 are possible", len(name))
	}
	for _, l := range labels {
		odd := strings.IndexFunc(l, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if odd >= 0 || l == "" || len(l) > 63 {
			return fmt.Errorf("has the host %q, which is no host name: its parts between dots are 1 to 63 letters, digits, '-' or '_'", host)
		}
	}
	return nil
}

func checkUnix(path string, dial bool) error {
	if path == "" || path == "@" {
		return errors.New("has no path: must be unix:/path or unix:@name")
	}
	if _, _, err := fd.ParseAddr("unix", path); err != nil {
		return err
	}
	if path[0] == '@' {
		return nil
	}
	if strings.HasSuffix(path, "/") {
		return errors.New("is a directory: must be the path of a socket")
	}
	if info, err := os.Stat(path); dial && err == nil && info.Mode()&os.ModeSocket == 0 {
		return errors.New("is a file that is no socket: must be the path of a socket, which need not exist yet")
	}
	return nil
}
