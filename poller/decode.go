package poller

import (
	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// Decode turns an event mask (epoll_ctl(2)) into readiness, by this table:
//
//	EPOLLIN     Readable
//	EPOLLOUT    Writable
//	EPOLLPRI    Readable, Urgent
//	EPOLLRDHUP  Readable, Ended
//	EPOLLHUP    Readable, Writable, Ended, Broken
//	EPOLLERR    Readable, Writable, Ended, Broken
//
// Nothing is concluded from HUP, ERR or RDHUP but that a call is worth making:
// they arrive together with the data in front of them.
func Decode(mask uint32) fd.Ready {
	var r fd.Ready
	if mask&sys.EpollIn != 0 {
		r |= fd.Readable
	}
	if mask&sys.EpollOut != 0 {
		r |= fd.Writable
	}
	if mask&sys.EpollPri != 0 {
		r |= fd.Readable | fd.Urgent
	}
	if mask&sys.EpollRdhup != 0 {
		r |= fd.Readable | fd.Ended
	}
	if mask&(sys.EpollHup|sys.EpollErr) != 0 {
		r |= fd.Readable | fd.Writable | fd.Ended | fd.Broken
	}
	return r
}
