package sim

import (
	"time"

	"github.com/penstock/penstock/splice"
)

// time chooses timeouts, and how often the process is stopped.
func (c *config) time(t *Tape) {
	c.timed = true
	c.relay.IdleTimeout = Of(t, 0, time.Second, 4*time.Second)
	c.relay.StallTimeout = Of(t, -1, time.Second, 3*time.Second)
	c.relay.HalfCloseTimeout = Of(t, -1, time.Second, 2*time.Second)
	c.dial = Of(t, longDial, time.Second, 3*time.Second)
	c.pauses = t.Pick(3)
	c.closeWait = Of(t, 0, time.Second, 3*time.Second)
}

// longDial is longer than any run.
const longDial = 10 * time.Hour

// pace makes the parties of a life slow, and its backend late to answer.
func (w *World) pace(v *life) {
	switch {
	case w.config.exact == nil && (v.kind == echoed || v.kind == replied || v.kind == handed || v.kind == spoken):
		v.client.pace(w.tape, max(v.client.total, v.said))
		return
	case v.kind != relayed && v.kind != spoken:
		return
	}
	waits := []time.Duration{0, 500 * time.Millisecond, 5 * time.Second, 2 * time.Second}
	if s := w.config.exact; s != nil {
		s.pace(w.tape, v)
		waits = waits[:1+s.Late]
	} else {
		v.client.pace(w.tape, v.backend.total)
		v.backend.pace(w.tape, v.client.total)
	}
	if wait := Of(w.tape, waits...); wait > 0 && v.kind == relayed && !v.refuses && v.named == nil {
		v.listener.Silence(true)
		v.opensAt = w.k.Clock() + int64(wait)
	}
}

// pace is that of a small world: it is the backend that reads slowly.
func (s *Scenario) pace(t *Tape, v *life) {
	if s.Speaks {
		p := &v.client
		p.readRest = int64(Of(t, 0, 900*time.Millisecond, 1500*time.Millisecond))
		if t.Pick(2) == 1 { // all within the first quarter of Linger, and then nothing
			p.stalled, p.reads = int64(time.Hour+200*time.Millisecond), 1<<20
			p.stallAt, p.stallFor = uint64(v.said), int64(900*time.Millisecond)
		}
		return
	}
	v.client.reads, v.backend.reads = 1000, 1000
	const slow, slower = 900 * time.Millisecond, 1500 * time.Millisecond
	switch {
	case s.Pauses > 0:
		v.client.writeRest = int64(Of(t, 0, slow))
		v.backend.readRest = int64(slow)
	case s.Steps > 0:
		v.backend.readRest = int64(Of(t, 0, slow, slower))
	}
}

// time is that of a small world: one timeout is in force.
func (s *Scenario) time(t *Tape, c *config) {
	c.timed, c.pauses, c.dial = true, s.Pauses, time.Second
	c.kernel.Send, c.peers = 4000, 1500
	o := &c.relay
	if s.Pauses == 0 {
		o.Mode = Of(t, splice.Splice, splice.Copy)
	}
	o.StallTimeout, o.HalfCloseTimeout = -1, -1
	*Of(t, &o.IdleTimeout, &o.StallTimeout, &o.HalfCloseTimeout) = time.Second
}

// pace makes a party slow: it rests after each read, of which about 8 take what comes, and
// after each write.
func (p *party) pace(t *Tape, comes int) {
	p.readRest = int64(Of(t, 0, 900*time.Millisecond, 300*time.Millisecond, 1500*time.Millisecond, 3*time.Second))
	p.writeRest = int64(Of(t, 0, 900*time.Millisecond, 1500*time.Millisecond, 5*time.Second))
	if p.readRest > 0 {
		p.reads = comes/8 + 1
	}
}

// pause stops the process, as SIGSTOP, a CPU quota or a suspended machine does: time
// passes, and the others go on.
func (w *World) pause() {
	w.bound.paused++
	long := []time.Duration{1500 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, 6 * time.Second}
	switch s := w.config.exact; {
	case s == nil:
	case s.Late > 0:
		long = []time.Duration{1500 * time.Millisecond, 1003 * time.Millisecond} // until just after the timeout of a dial
	default:
		long = long[:1]
	}
	end := w.k.Clock() + int64(Of(w.tape, long...))
	others := w.tape.Pick(2) == 0
	w.say("the process is stopped until %.3f ms", float64(end-int64(time.Hour))/1e6)
	for w.failure == "" && w.k.Clock() < end {
		for others && w.failure == "" && w.act() {
		}
		w.k.Advance(min(end, w.soonest(end)))
	}
	w.pausedAt = w.k.Clock()
	w.bound.calls = 0
}

// mayPause reports whether the process is to be stopped now.
func (w *World) mayPause(odds int) bool {
	return w.bound.paused < w.config.pauses && w.tape.Odds(odds)
}

// soonest is the next time after now at which something happens by itself, or next
// if that is sooner. A negative next is never.
func (w *World) soonest(next int64) int64 {
	sooner := func(t int64) {
		if t > w.k.Clock() && (next < 0 || t < next) {
			next = t
		}
	}
	for _, v := range w.lives {
		for _, p := range [2]*party{&v.client, &v.backend} {
			sooner(p.stalled)
			sooner(p.rests)
		}
		sooner(v.opensAt)
		if !v.started && !v.missed {
			sooner(v.triesAt)
		}
		if v.named != nil {
			sooner(v.named.opensAt)
			for _, p := range v.named.strays {
				sooner(p.stalled)
				sooner(p.rests)
			}
		}
	}
	for i := range w.jobs {
		sooner(w.jobs[i].at)
	}
	sooner(w.k.Release())
	return next
}

// looked notes that a loop has looked for events: what came before is to be taken
// before anything is ended for time.
func (w *World) looked() { w.looks[w.running] = w.k.Clock() }

// open has listeners that were silent answer when their time has come.
func (v *life) open(now int64) {
	if v.named != nil {
		v.named.open(now)
	}
	if v.opensAt > 0 && now >= v.opensAt {
		v.opensAt = 0
		v.listener.Silence(false)
	}
}
