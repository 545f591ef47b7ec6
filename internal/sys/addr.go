package sys

import "net/netip"

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

// MaxPath is the longest Unix path, in bytes: sun_path less its final zero.
const MaxPath = 107
