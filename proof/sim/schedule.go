package sim

import (
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// actorKind is who acts next, beside the loops.
type actorKind uint8

const (
	connects actorKind = iota
	accepts
	acts
	mails
	works
	delivers
)

type actor struct {
	kind  actorKind
	life  *life
	party *party
	link  simkernel.Link
	job   int
}

// due lists who could act now.
func (w *World) due() []actor {
	w.actors = w.actors[:0]
	now := w.k.Clock()
	for _, v := range w.lives {
		v.open(now)
		if v.missed {
			continue
		}
		if !v.started {
			if now >= v.triesAt {
				w.actors = append(w.actors, actor{kind: connects, life: v})
			}
			continue
		}
		for _, p := range [2]*party{&v.client, &v.backend} {
			if p.canAct(now) {
				w.actors = append(w.actors, actor{kind: acts, life: v, party: p})
			}
		}
		if v.accepts() {
			w.actors = append(w.actors, actor{kind: accepts, life: v})
		}
		if v.named != nil {
			for _, p := range v.named.strays {
				if p.canAct(now) {
					w.actors = append(w.actors, actor{kind: acts, life: v, party: p})
				}
			}
		}
	}
	for i := range w.jobs {
		if w.jobs[i].at <= now {
			w.actors = append(w.actors, actor{kind: works, job: i})
		}
	}
	if len(w.mail) > 0 {
		w.actors = append(w.actors, actor{kind: mails})
	}
	w.links = w.k.Due(w.links)
	for _, l := range w.links {
		w.actors = append(w.actors, actor{kind: delivers, link: l})
	}
	return w.actors
}

// accepts says that the backend has a connection to accept.
func (v *life) accepts() bool {
	if v.named != nil {
		_, waits := v.named.waiting()
		return waits
	}
	return v.kind.forwards() && !v.refuses && !v.backend.live && v.listener.Waiting()
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
		if a.life.named != nil {
			w.accept(a.life)
		} else if p, ok := a.life.listener.Accept(); ok {
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
	case mails:
		letter := w.mail[0]
		w.mail = w.mail[1:]
		letter()
		w.k.Progress++
	case works:
		w.say("a worker is done")
		w.do(a.job)
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
	p, ok := w.reach(v)
	if !ok {
		v.missed = w.drained && w.k.Listeners() == 0
		v.triesAt = w.k.Clock() + int64(time.Second) // the backlog is full: as TCP sends SYN again
		return
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
	if c == simkernel.EpollWait {
		w.polls(fd)
	}
	if w.failure != "" {
		return 0
	}
	if w.trace != nil {
		w.say("%v(%d)", c, fd)
	}
	if w.ending && w.config.nested {
		w.atTheEnd()
	}
	if w.quiet {
		return 0
	}
	if w.bound.between != w.config.between && w.tape.Odds(w.config.interleave) {
		w.bound.between++
		w.meanwhile()
		if c == simkernel.EpollWait && !w.ending {
			w.looked() // it looks only now
		}
	}
	if c == simkernel.EpollAdd && w.k.Listens(fd) {
		return 0 // a server one of whose listeners is not registered does not serve
	}
	if w.config.faults && w.bound.failed != w.config.failing {
		return w.fault(c)
	}
	return 0
}

// turns runs the loops until all lives are over.
func (w *World) turns() {
	idle := 0
	for i := 0; w.failure == "" && !w.finished(); i++ {
		if w.posted < w.posts && w.tape.Odds(8) {
			w.post()
		}
		w.drain()
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

// step is one turn of a loop, after which the invariants must hold.
func (w *World) step(l *loopT) {
	w.running = l.ID()
	w.bound.turn(w.k, w.running)
	l.Step(true)
	if w.failure == "" {
		w.invariants()
	}
}
