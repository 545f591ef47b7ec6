package loop

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

const (
	// namesLast is how long the answer to a question is used again. The resolver does not
	// tell for how long it is valid, and a second hides a change less long than any DNS
	// TTL in use. Failures are not kept.
	namesLast = time.Second
	// maxAnswers is how many answers are kept: some 300 KiB. Further ones serve those that
	// wait for them only.
	maxAnswers = 1024
	// maxWaiters is how many dials of a group may wait for look-ups; one more is refused
	// with pool.ErrBusy.
	maxWaiters = 16384
)

// names looks names up for the dials of a group. One look-up of a name runs at a time, on a
// worker, however many dials wait for it: a burst of connections to one name would
// otherwise keep all workers busy with the same question. No worker waits.
type names struct {
	group *Group

	mu      sync.Mutex
	lookups map[question]*lookup // guarded by mu: under way, or answered
	waiting int                  // guarded by mu: dials that wait
	asked   uint64               // guarded by mu: dials that have ever waited
}

// A question is what is asked of a resolver, which must be comparable, as a pointer is.
type question struct {
	resolver            Resolver
	network, host, port string
}

// A lookup is one question to a resolver, under way or answered. It has no timeout of its
// own, and is cancelled when no dial waits for it any more.
type lookup struct {
	question question
	cancel   context.CancelFunc
	waiters  map[*waiter]struct{} // guarded by names.mu
	addrs    []sys.Addr           // guarded by names.mu: the answer
	until    int64                // guarded by names.mu: when the answer is too old
}

// A waiter is a dial that waits for a look-up.
type waiter struct {
	lookup *lookup
	order  uint64 // in which it asked
	l      *Loop
	t      *dial // nil once the dial has given up; l's goroutine only
}

// ask returns the answer if it is known. Otherwise w becomes a waiter of the look-up, which
// is begun if it is not under way, and its dial is told the outcome by resolved.
func (n *names) ask(q question, w *waiter) ([]sys.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.lookups[q]
	if a != nil && a.addrs != nil && n.group.k.Now() < a.until {
		return a.addrs, nil
	}
	if n.waiting >= maxWaiters {
		return nil, fmt.Errorf("%w: %d dials wait for names", pool.ErrBusy, n.waiting)
	}
	if a == nil || a.addrs != nil {
		var err error
		if a, err = n.begin(q); err != nil {
			return nil, err
		}
	}
	w.lookup = a
	a.waiters[w] = struct{}{}
	n.waiting++
	n.asked++
	w.order = n.asked
	return nil, nil
}

// begin starts a look-up. n.mu is locked.
func (n *names) begin(q question) (*lookup, error) {
	ctx, cancel := context.WithCancel(context.Background())
	a := &lookup{question: q, cancel: cancel, waiters: map[*waiter]struct{}{}}
	if err := n.group.do(func() { n.run(ctx, a) }); err != nil {
		cancel()
		return nil, err
	}
	if n.lookups == nil {
		n.lookups = map[question]*lookup{}
	}
	n.lookups[q] = a
	return a, nil
}

// run makes the look-up, on a worker. If the resolver panics the waiters are told ErrPanic,
// and the workers log the panic.
func (n *names) run(ctx context.Context, a *lookup) {
	addrs, err := []sys.Addr(nil), ErrPanic
	defer func() { n.finish(a, addrs, err) }()
	addrs, err = lookUp(ctx, a.question)
}

// finish keeps the answer and tells the waiters, in the order in which they asked.
func (n *names) finish(a *lookup, addrs []sys.Addr, err error) {
	n.mu.Lock()
	waiters := a.waiters
	a.waiters = nil
	n.waiting -= len(waiters)
	if n.lookups[a.question] == a {
		if err == nil && n.hasRoom() {
			a.addrs, a.until = addrs, n.group.k.Now()+int64(namesLast)
		} else {
			delete(n.lookups, a.question)
		}
	}
	n.mu.Unlock()
	a.cancel()
	first := func(a, b *waiter) int { return cmp.Compare(a.order, b.order) }
	for _, w := range slices.SortedFunc(maps.Keys(waiters), first) {
		// If the loop has ended it has failed its dials.
		_ = w.l.Post(func() {
			if w.t != nil {
				w.t.resolved(addrs, err)
			}
		})
	}
}

// hasRoom reports whether one more answer may be kept. It throws away those that are too
// old when they are many. n.mu is locked.
func (n *names) hasRoom() bool {
	if len(n.lookups) <= maxAnswers {
		return true
	}
	now := n.group.k.Now()
	for q, a := range n.lookups {
		if a.addrs != nil && now >= a.until {
			delete(n.lookups, q)
		}
	}
	return len(n.lookups) <= maxAnswers
}

// leave takes a waiter away, and cancels a look-up that has none left.
func (n *names) leave(w *waiter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := w.lookup
	if _, waits := a.waiters[w]; !waits {
		return // the outcome is on its way
	}
	delete(a.waiters, w)
	n.waiting--
	if len(a.waiters) == 0 {
		a.cancel()
		delete(n.lookups, a.question)
	}
}
