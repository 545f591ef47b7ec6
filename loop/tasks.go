package loop

import (
	"net"
	"sync"
	"sync/atomic"
)

// tasks is the queue of what other goroutines want done on a loop: any number of
// them put in, the loop takes out.
//
// None is lost, by this order: a producer makes its task visible (length), then
// looks whether the loop sleeps; the loop says that it falls asleep, then looks
// at length. Both are sequentially consistent, so one of them sees the other.
type tasks struct {
	mu     sync.Mutex
	in     []func() // guarded by mu
	closed bool     // guarded by mu

	out    []func() // the loop's: taken from in, not yet run
	length atomic.Int64
}

// Post has f run on the loop's goroutine, once, after what was posted before it.
// Any goroutine may call it. It answers net.ErrClosed, and f never runs, if the
// loop has ended. The queue has no limit of its own: its producers have one (a
// connection, a listener, a worker), or must bring one.
func (l *Loop) Post(f func()) error {
	t := &l.tasks
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return net.ErrClosed
	}
	t.in = append(t.in, f)
	t.length.Add(1)
	// Inside the lock, which the end of the loop takes before it closes the
	// eventfd: the write must not reach whoever has the number next.
	l.poll.Wake()
	return nil
}

// none says that nothing is posted.
func (t *tasks) none() bool { return t.length.Load() == 0 }

// take answers the next task, nil if there is none.
func (t *tasks) take() func() {
	if len(t.out) == 0 && !t.refill() {
		return nil
	}
	f := t.out[0]
	t.out[0] = nil
	t.out = t.out[1:]
	t.length.Add(-1)
	return f
}

func (t *tasks) refill() bool {
	if t.none() {
		return false
	}
	t.mu.Lock()
	t.in, t.out = t.out[:0], t.in
	t.mu.Unlock()
	return len(t.out) > 0
}

// close refuses posts from here on. What is in the queue can still be taken.
func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
}

// tasksPerTurn bounds what a turn takes from the queue.
const tasksPerTurn = 256

// runTasks runs what had been posted when the turn came to it, up to a limit in number
// and in bytes. What those functions post waits for the next turn: work that posts its
// own continuation would otherwise run to its end before a socket is looked at.
func (l *Loop) runTasks() {
	posted := min(l.tasks.length.Load(), tasksPerTurn)
	for spent := 0; posted > 0 && spent < turnBytes; posted-- {
		l.count.Tasks++
		f := l.tasks.take()
		l.running.calls(f)
		spent += l.guard(nil, f)
		l.runLater()
	}
}
