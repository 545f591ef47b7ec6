package fd

// Ready is what a descriptor is known to be ready for. The bits are sticky: an
// event sets them, and only this descriptor's own EAGAIN clears them (or, for a
// TCP socket, a read that came back short; see FD.Recv).
type Ready uint8

// The readiness bits.
const (
	Readable Ready = 1 << iota // bytes, an end of stream, or an error can be read
	Writable                   // bytes can be written, or an error can be met
	Urgent                     // an urgent mark is ahead: splice(2) stops at it
	Ended                      // FIN, reset or hang-up seen: a short read proves nothing
	Broken                     // EPOLLERR or EPOLLHUP seen
)
