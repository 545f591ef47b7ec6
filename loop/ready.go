package loop

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// The budgets, in bytes.
const (
	// visitBytes is what one visit may move before the others have their turn.
	visitBytes = 256 << 10
	// turnBytes is what the heavy ones may move in a turn together, before epoll is
	// polled again: about 0.2 ms of splicing, beside which the poll costs nothing.
	turnBytes = 1 << 20
	// heavyBytes makes heavy whoever moved as much in a visit.
	heavyBytes = 64 << 10
	// opBytes is what an operation costs at least, so that a budget of bytes
	// bounds operations too: 256 a visit.
	opBytes = 1 << 10
)

// readyList is a queue of registrations, linked through them.
type readyList struct {
	head, tail *Registration
	length     int
}

// push puts r at the back of a ready list, unless it is on one: the heavy on
// theirs, the light on theirs.
func (l *Loop) push(r *Registration) {
	if r.queued {
		return
	}
	r.queued = true
	q := &l.light
	if r.heavy {
		q = &l.heavy
	}
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

// runReady visits the light ones that are ready now, once each, and then the
// heavy ones, in turn, until they have moved turnBytes. Whoever is left, or is not
// done, waits at the back: epoll, the tasks and the timers come first. So a
// message waits for the bulk on its loop no longer than a fraction of a
// millisecond, and the bulk for the messages no longer than one turn of them.
//
// A registration that becomes heavy here waits for the next turn: none is visited
// twice in one. runReady returns how many of the heavy ones it visited.
func (l *Loop) runReady() (visited int) {
	heavy := l.heavy.length
	for range l.light.length {
		l.serve(l.light.pop())
	}
	for spent := 0; visited < heavy && spent < turnBytes; visited++ {
		spent += l.serve(l.heavy.pop())
	}
	return visited
}

// serve runs the task of r and returns what it spent.
func (l *Loop) serve(r *Registration) (spent int) {
	if r.task == nil {
		l.count.StaleBatch++ // closed by another since its event was taken
		return 0
	}
	if len(l.children) > 0 {
		l.parentReady(r)
	}
	spent = l.visit(r)
	l.visited = nil
	l.runLater()
	return spent
}

func (l *Loop) visit(r *Registration) (spent int) {
	returned := false
	defer l.contain(r, &returned)
	l.visited, l.left = r, visitBytes
	again := r.task.Ready(r)
	returned = true
	spent = visitBytes - l.left
	r.heavy = spent >= heavyBytes
	if again && r.task != nil {
		l.push(r)
	}
	return spent
}

// Spend takes an operation that moved n bytes out of the visit's budget and says
// whether anything is left. Only a task that is being run may call it.
func (l *Loop) Spend(n int) bool {
	l.left -= max(n, opBytes)
	return l.left > 0
}

// Left is the rest of the visit's budget in bytes.
func (l *Loop) Left() int { return l.left }

// guard runs f with a budget of its own, and returns what it spent. A panic in f ends
// r's task, if there is one, and nothing else.
func (l *Loop) guard(r *Registration, f func()) (spent int) {
	outer, returned := l.left, false
	defer func() { spent, l.left = visitBytes-l.left, outer }()
	defer l.contain(r, &returned)
	l.left = visitBytes
	f()
	returned = true
	return
}

// contain is deferred around every handler. One that called runtime.Goexit has
// not returned and did not panic: all deferred functions of the goroutine run, those
// around other tasks too, and then a new goroutine goes on with the loop (Group.run).
// The tasks outside of the handler's own did not come to their end, and are run again.
func (l *Loop) contain(r *Registration, returned *bool) {
	v := recover()
	switch {
	case *returned:
		return
	case v == nil && l.exiting:
		if r != nil && r.task != nil {
			l.push(r)
		}
		return
	case v == nil:
		l.exiting = true
		v = "runtime.Goexit was called"
	}
	l.count.Panics++
	l.group.log.Error("penstock: handler panicked; its connection, if it has one, is reset",
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
	if r != nil && r.task != nil {
		task := r.task
		l.guard(nil, func() { task.Fail(fmt.Errorf("%w: %v", ErrPanic, v)) })
	}
}
