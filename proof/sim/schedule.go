package sim

import (
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// actorKind is who acts next, beside the loops.
type actorKind uint8

const (
	connects actorKind = iota
	accepts
	acts
	delivers
)

type actor struct {
	kind  actorKind
	life  *life
	party *party
	link  simkernel.Link
}

// due lists who could act now.
func (w *World) due() []actor {
	w.actors = w.actors[:0]
	now := w.k.Clock()
	for _, v := range w.lives {
		if !v.started {
			w.actors = append(w.actors, actor{kind: connects, life: v})
			continue
		}
		for _, p := range [2]*party{&v.client, &v.backend} {
			if p.canAct(now) {
				w.actors = append(w.actors, actor{kind: acts, life: v, party: p})
			}
		}
		if v.kind == relayed && !v.refuses && !v.backend.live && v.listener.Waiting() {
			w.actors = append(w.actors, actor{kind: accepts, life: v})
		}
	}
	w.links = w.k.Links(w.links)
	for _, l := range w.links {
		if l.Due() {
			w.actors = append(w.actors, actor{kind: delivers, link: l})
		}
	}
	return w.actors
}

// act has one of those who could act do so; it answers false if nobody could.
func (w *World) act() bool {
	due := w.due()
	if len(due) == 0 {
		return false
	}
	if w.config.exact != nil && w.config.exact.Ordered {
		due = due[:1]
	}
	a := due[w.tape.Pick(len(due))]
	w.busy = true
	switch a.kind {
	case connects:
		w.connect(a.life)
	case accepts:
		if p, ok := a.life.listener.Accept(); ok {
			a.life.backend.peer, a.life.backend.live = p, true
			p.Buffers(w.config.peers, w.config.peers)
			w.say("%s accepts", a.life.name(&a.life.backend))
		}
	case acts:
		a.party.act(w)
		if w.trace != nil {
			w.say("%s acts: wrote %d, read %d, end sent %v, read %v, cut %v", a.life.name(a.party),
				a.party.pos, a.party.in.Pos, a.party.sent, a.party.fin, a.party.cut)
		}
	case delivers:
		if w.trace != nil {
			w.say("the network delivers %v", a.link)
		}
		a.link.Deliver(w.config.mss)
	}
	w.busy = false
	if w.bound.acts++; w.k.Progress != w.bound.acted {
		w.bound.acted, w.bound.acts = w.k.Progress, 0
	}
	if w.bound.acts > 1000 {
		w.fail("the simulation goes round: %d, %s", a.kind, w.unfinished())
	}
	return true
}

func (w *World) connect(v *life) {
	p, ok := w.k.Dial(server)
	if !ok {
		return // the backlog is full: later
	}
	p.Buffers(w.config.peers, w.config.peers)
	v.client.peer, v.client.live, v.started = p, true, true
	w.say("%s connects", v.name(&v.client))
}

// Before is asked at every call of the runtime: others may act first, and the call
// may fail.
func (w *World) Before(c simkernel.Call, fd int) sys.Errno {
	if w.busy {
		return 0
	}
	w.spins(c)
	if w.failure != "" {
		return 0
	}
	if w.trace != nil && c != simkernel.Now {
		w.say("%v(%d)", c, fd)
	}
	if w.quiet {
		return 0
	}
	if w.bound.between != w.config.between && c != simkernel.Now && w.tape.Odds(w.config.interleave) {
		w.bound.between++
		w.meanwhile()
	}
	if w.config.faults && w.bound.failed != w.config.failing {
		return w.fault(c)
	}
	return 0
}

// meanwhile has something happen between two calls of the runtime.
func (w *World) meanwhile() {
	switch {
	case w.posted < w.posts && (w.config.exact != nil || w.tape.Odds(4)):
		w.post()
	case w.config.holds && w.tape.Odds(8):
		w.hold()
	case w.config.spurious && w.tape.Odds(16):
		w.k.Spurious(3 + w.tape.Pick(16))
	default:
		w.act()
	}
}

// post is another goroutine's. What it posts posts itself so many times more.
func (w *World) post() {
	w.posted++
	l, left := w.loops[w.posted%len(w.loops)], w.config.feeds
	var f func()
	f = func() {
		if w.bound.tasks++; w.bound.tasks > turnTasks {
			w.fail("a turn without end: %d posted functions since epoll was asked", w.bound.tasks)
			panic(w.failure)
		}
		if left--; left >= 0 {
			l.Post(f)
			return
		}
		w.ran++
	}
	w.busy = true
	l.Post(f)
	w.busy = false
	w.say("somebody posts")
}

// hold keeps a socket open as if another process had it, or lets go of one.
func (w *World) hold() {
	if len(w.holds) == 2 || len(w.holds) > 0 && w.tape.Pick(2) == 0 {
		w.holds[0].Release()
		w.holds = w.holds[1:]
		return
	}
	if h, ok := w.k.Hold(3 + w.tape.Pick(16)); ok {
		w.holds = append(w.holds, h)
	}
}

// Sleep is a loop that waits. With several loops it returns at once, and the deadline
// is kept: a wait may end early.
func (w *World) Sleep(ep int, deadline int64) {
	if len(w.loops) > 1 || w.quiet {
		w.epolls[ep] = deadline
		return
	}
	if w.posted != w.ran && !w.k.Ready(ep) {
		w.fail("lost wake-up: %d posted, %d ran, and the loop sleeps", w.posted, w.ran)
	}
	for w.failure == "" && !w.k.Ready(ep) {
		if w.posted < w.posts && w.tape.Odds(8) {
			w.post()
			continue
		}
		if !w.act() && !w.pass(deadline) {
			return
		}
		if deadline >= 0 && w.k.Clock() >= deadline {
			return
		}
	}
	for w.bound.linger != w.config.linger && w.tape.Odds(3) && w.act() {
		w.bound.linger++ // more comes before the loop is awake: one batch, or one event, tells all
	}
}

// pass lets time pass until the next thing happens by itself, and answers false if that
// is the end of the wait: the deadline, or the end of the run.
func (w *World) pass(deadline int64) bool {
	if len(w.holds) > 0 {
		w.holds[0].Release()
		w.holds = w.holds[1:]
		return true
	}
	if w.finished() {
		return false
	}
	if len(w.due()) > 0 {
		return true // calls take time, too
	}
	if w.config.exact != nil && w.posted < w.posts {
		w.post()
		return true
	}
	next := deadline
	sooner := func(t int64) {
		if t > w.k.Clock() && (next < 0 || t < next) {
			next = t
		}
	}
	for _, v := range w.lives {
		sooner(v.client.stalled)
		sooner(v.backend.stalled)
	}
	sooner(w.k.Release())
	if next < 0 {
		w.fail("hang: the loop sleeps without a limit, nothing is under way, and %s", w.unfinished())
		return false
	}
	if next-w.k.Clock() > tooLong {
		w.fail("hang: nothing will happen for %d s, and %s", (next-w.k.Clock())/1e9, w.unfinished())
		return false
	}
	w.k.Advance(next)
	w.bound.calls = 0
	return next != deadline
}

// tooLong is longer than any wait that is meant: nobody stalls for so long.
const tooLong = int64(25e9)

// turns runs the loops until all lives are over.
func (w *World) turns() {
	idle := 0
	for i := 0; w.failure == "" && !w.finished(); i++ {
		if w.posted < w.posts && w.tape.Odds(8) {
			w.post()
		}
		if len(w.loops) == 1 {
			w.step(w.loops[0])
			continue
		}
		before := w.k.Progress
		w.step(w.loops[w.tape.Pick(len(w.loops))])
		if w.tape.Pick(2) == 0 {
			w.act()
		}
		if idle++; w.k.Progress != before {
			idle = 0
		}
		if idle > 3 && !w.act() {
			w.passAll()
			idle = 0
		}
	}
}

// passAll lets time pass for several loops, each of which has been run to rest.
func (w *World) passAll() {
	next := int64(-1)
	clear(w.epolls)
	for i, l := range w.loops {
		before := w.k.Progress
		w.step(l)
		if w.k.Progress != before || len(w.epolls) != i+1 {
			return // it had something to do, and did not sleep
		}
	}
	for _, d := range w.epolls {
		if d >= 0 && (next < 0 || d < next) {
			next = d
		}
	}
	w.pass(next)
}

// step is one turn of a loop, after which the invariants must hold.
func (w *World) step(l *loopT) {
	w.bound.turn(w.k)
	l.Step(true)
	if w.failure == "" {
		w.invariants()
	}
}
