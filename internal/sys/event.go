package sys

// The bits of an event mask (epoll_ctl(2)), the same on every Linux.
const (
	EpollIn    uint32 = 0x1
	EpollPri   uint32 = 0x2
	EpollOut   uint32 = 0x4
	EpollErr   uint32 = 0x8
	EpollHup   uint32 = 0x10
	EpollRdhup uint32 = 0x2000
	EpollEdge  uint32 = 1 << 31
)
