//go:build !linux

package sys

// Event is a mask and the token that was given at registration.
type Event struct {
	token uint64
	mask  uint32
}

// MakeEvent builds an event, for a kernel that is not the host's.
func MakeEvent(mask uint32, token uint64) Event { return Event{token, mask} }

// Mask is the event's EPOLL bits.
func (e *Event) Mask() uint32 { return e.mask }

// Token is what the descriptor was registered with.
func (e *Event) Token() uint64 { return e.token }
