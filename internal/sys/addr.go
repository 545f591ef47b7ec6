package sys

import (
	"net/netip"
	"strings"
)

// Family is the family of a stream socket.
type Family uint8

// The families that Penstock speaks.
const (
	Inet4 Family = iota + 1
	Inet6
	Unix
)

// Addr is the address of a stream socket: AP for the Inet families, Path for Unix.
//
// A Path that starts with '@' is in the abstract namespace (unix(7)), an empty
// one is an unnamed socket. Zone is the interface index of a scoped IPv6 address.
type Addr struct {
	AP     netip.AddrPort
	Path   string
	Zone   uint32
	Family Family
}

// MaxPath is the longest Unix path, and the longest name in the abstract namespace, in
// bytes. sun_path has 108: a path needs a zero after it, a name one before it, in the
// place of the '@'.
const MaxPath = 107

// PathFits reports whether a Unix path or name fits sun_path.
func PathFits(path string) bool { return len(strings.TrimPrefix(path, "@")) <= MaxPath }
