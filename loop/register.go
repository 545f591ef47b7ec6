package loop

import (
	"sync/atomic"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/poller"
)

// A Task is what a loop runs for a descriptor that became ready. Both methods
// are called on the loop's goroutine only.
type Task interface {
	// Ready does what can be done now, within the loop's budget for this visit
	// (Loop.Spend). It answers true if it stopped for the budget alone, and is
	// called again in the next turn; else it waits for an event.
	Ready(r *Registration) (again bool)
	// Fail ends the task and gives back what it holds, descriptor included: the
	// loop ends, or the task panicked.
	Fail(err error)
}

// A Registration is one descriptor in one loop's epoll. It is made once for each
// descriptor, never used for another, and dead once that is closed.
type Registration struct {
	fd     fd.FD
	queued bool          // on a ready list
	heavy  bool          // moved much in its last visit
	port   uint16        // of a connection's peer (Conn.keepPeer)
	ip4    atomic.Uint32 // its IPv4 address, or a place in the loop's table
	slot   uint32
	loop   *Loop
	task   Task
	next   *Registration // on the ready list
}

// FD is the descriptor and what is known of it.
func (r *Registration) FD() *fd.FD { return &r.fd }

// Loop is the loop that owns it.
func (r *Registration) Loop() *Loop { return r.loop }

// slot is one place of the slab. ended is the batch in which its last owner went.
type slot struct {
	r          *Registration
	generation uint32
	ended      uint32
}

// slab finds the owner of an event by its token. It grows by chunks, which never
// move: a slice that grew by copying would leave several times its size behind.
type slab struct {
	chunks []*[chunkSlots]slot
	free   []uint32
	used   uint32 // slots handed out so far
}

const chunkSlots = 256

func (s *slab) at(i uint32) *slot { return &s.chunks[i/chunkSlots][i%chunkSlots] }

// claim gives r a slot, and the token that names both.
func (s *slab) claim(r *Registration) fd.Token {
	var i uint32
	if n := len(s.free); n > 0 {
		i = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		i = s.used
		if i%chunkSlots == 0 {
			s.chunks = append(s.chunks, new([chunkSlots]slot))
		}
		s.used++
	}
	at := s.at(i)
	at.r = r
	return fd.MakeToken(i, at.generation)
}

// vacate moves the generation on: from here no event finds the old owner, nor a
// new one by the old token.
func (s *slab) vacate(i, batch uint32) {
	at := s.at(i)
	at.r = nil
	at.generation++
	at.ended = batch
	s.free = append(s.free, i)
}

// register adds r's descriptor to the loop, for good. On an error the descriptor
// is still the caller's.
func (l *Loop) register(r *Registration, task Task, listener bool) sys.Errno {
	if l.ended {
		return sys.EBADF // nobody would ever close it
	}
	r.loop, r.task = l, task
	token := l.slab.claim(r)
	r.slot = token.Slot()
	add := l.poll.Add
	if listener {
		add = l.poll.AddListener
	}
	if e := add(r.fd.Num(), token); e != 0 {
		l.slab.vacate(r.slot, l.batch)
		r.task = nil
		return e
	}
	l.count.Registered++
	return 0
}

// unregister ends r and closes its descriptor, in this order: the generation
// moves on, so that no event of this batch finds r; the epoll entry goes, which a
// duplicate of the descriptor would keep alive; the number is freed, last, for
// the next accept to be given it.
func (l *Loop) unregister(r *Registration) {
	if len(l.children) > 0 {
		l.parentEnded(r)
	}
	l.slab.vacate(r.slot, l.batch)
	l.poll.Forget(r.fd.Num())
	r.fd.Close(l.k)
	r.task = nil
	l.count.Unregistered++
	l.group.freed()
}

// dispatch hands one event to its registration.
func (l *Loop) dispatch(ev *sys.Event) {
	l.count.Events++
	t := fd.Token(ev.Token())
	if t.Slot() >= l.slab.used {
		l.count.StaleNever++
		return
	}
	at := l.slab.at(t.Slot())
	if at.r == nil || at.generation != t.Generation() {
		l.stale(at, t)
		return
	}
	at.r.fd.Note(poller.Decode(ev.Mask()))
	l.push(at.r)
}

func (l *Loop) stale(at *slot, t fd.Token) {
	switch {
	case t.Generation() >= at.generation:
		l.count.StaleNever++
	case t.Generation() == at.generation-1 && at.ended == l.batch:
		l.count.StaleBatch++
	default:
		l.count.StaleEarlier++
	}
}
