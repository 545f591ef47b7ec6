package sys

import "golang.org/x/sys/unix"

// Event is one struct epoll_event as the kernel fills it in: a mask and the
// token that was given at registration. The token is kept in the two halves
// that unix.EpollEvent calls Fd and Pad, which stand side by side on every port.
type Event struct{ raw unix.EpollEvent }

// MakeEvent builds an event, for a kernel that is not the host's.
func MakeEvent(mask uint32, token uint64) Event {
	return Event{unix.EpollEvent{Events: mask, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}}
}

// Mask is the event's EPOLL bits.
func (e *Event) Mask() uint32 { return e.raw.Events }

// Token is what the descriptor was registered with.
func (e *Event) Token() uint64 {
	return uint64(uint32(e.raw.Fd)) | uint64(uint32(e.raw.Pad))<<32
}
