package sys

// Levels, options and flags by their Linux numbers, so that the packages above
// compile on any system. A test holds them against golang.org/x/sys/unix.
const (
	SolSocket = 1
	IPProtoIP = 0
	IPProtoV6 = 41
	IPProtoT  = 6

	SoReuseAddr = 2
	SoType      = 3
	SoError     = 4
	SoSndbuf    = 7
	SoRcvbuf    = 8
	SoKeepalive = 9
	SoReusePort = 15
	SoDomain    = 39

	TCPNoDelay     = 1
	TCPKeepIdle    = 4
	TCPKeepIntvl   = 5
	TCPUserTimeout = 18

	IPBindAddressNoPort = 24
	IPv6Only            = 26

	MsgPeek = 0x2

	SockStream = 1
	AFUnix     = 1
	AFInet     = 2
	AFInet6    = 10
)
