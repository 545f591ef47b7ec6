package loop

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// The budget of a visit, in bytes. A turn moves about turnBytes, shared among
// those that are ready; nobody gets less than minBytes, which is what one read or
// one small pipe holds. With one descriptor ready the polls between visits
// vanish in the noise; with many, none waits for more than a turn.
const (
	turnBytes = 1 << 20
	minBytes  = 64 << 10
	// opBytes is what an operation costs at least, so that a budget of bytes
	// bounds operations too: 64 at minBytes.
	opBytes = 1 << 10
)

// readyList is a queue of registrations, linked through them.
type readyList struct {
	head, tail *Registration
	length     int
}

// push puts r at the back of the ready list, unless it is on it.
func (l *Loop) push(r *Registration) {
	if r.queued {
		return
	}
	r.queued = true
	q := &l.ready
	if q.tail == nil {
		q.head = r
	} else {
		q.tail.next = r
	}
	q.tail = r
	q.length++
}

func (q *readyList) pop() *Registration {
	r := q.head
	q.head = r.next
	if q.head == nil {
		q.tail = nil
	}
	r.next, r.queued = nil, false
	q.length--
	return r
}

// Wake has r's task run in this loop's next turn. Only the loop's goroutine may
// call it.
func (l *Loop) Wake(r *Registration) { l.push(r) }

// runReady visits once whoever is on the list now. Who is not done goes to the
// back, and epoll, the tasks and the timers have their turn first.
func (l *Loop) runReady() {
	n := l.ready.length
	if n == 0 {
		return
	}
	l.visit = max(turnBytes/n, minBytes)
	for range n {
		l.serve(l.ready.pop())
	}
}

func (l *Loop) serve(r *Registration) {
	if r.task == nil {
		l.count.StaleBatch++ // closed by another since its event was taken
		return
	}
	defer l.contain(r)
	l.left = l.visit
	if r.task.Ready(r) && r.task != nil {
		l.push(r)
	}
}

// Spend takes an operation that moved n bytes out of the visit's budget and says
// whether anything is left. Only a task that is being run may call it.
func (l *Loop) Spend(n int) bool {
	l.left -= max(n, opBytes)
	return l.left > 0
}

// Left is the rest of the visit's budget in bytes.
func (l *Loop) Left() int { return l.left }

// guard runs f with a budget of its own; a panic in it ends r's task, if there is
// one, and nothing else.
func (l *Loop) guard(r *Registration, f func()) {
	outer := l.left
	defer func() { l.left = outer }()
	defer l.contain(r)
	l.left = minBytes
	f()
}

// contain is deferred around every handler.
func (l *Loop) contain(r *Registration) {
	v := recover()
	if v == nil {
		return
	}
	l.count.Panics++
	l.group.log.Error("penstock: handler panicked; its connection is reset",
		slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	if r != nil && r.task != nil {
		task := r.task
		l.guard(nil, func() { task.Fail(fmt.Errorf("%w: %v", ErrPanic, v)) })
	}
}
