package sim

import (
	"fmt"
	"strings"

	"github.com/penstock/penstock/loop"
)

func (v *life) name(p *party) string {
	if p == &v.backend {
		return fmt.Sprintf("backend %d", v.client.k/2)
	}
	return fmt.Sprintf("client %d", v.client.k/2)
}

// finished says that every party has come to its end.
func (w *World) finished() bool {
	for _, v := range w.lives {
		if v.missed {
			continue
		}
		if !v.started || !v.client.over() || v.backend.live && !v.backend.over() {
			return false
		}
	}
	for _, v := range w.lives {
		if v.named != nil && !v.named.over() {
			return false
		}
	}
	return len(w.jobs) == 0 && w.ran == w.posted && (w.config.exact == nil || w.posted == w.posts) && w.registered() == w.listening() && w.k.OpenPipes() == 0
}

// listening is the number of listeners that the loops have.
func (w *World) listening() int {
	n := w.registered()
	for _, l := range w.loops {
		n -= l.Count().Conns
	}
	return n
}

// registered is the number of descriptors that the loops have: 1 is the listener.
func (w *World) registered() int {
	n := 0
	for _, l := range w.loops {
		c := l.Count()
		n += int(c.Registered - c.Unregistered)
	}
	return n
}

// count sums what is looked at after every turn.
func (w *World) count() (sum loop.Counters) {
	for _, l := range w.loops {
		c := l.Count()
		sum.StaleNever += c.StaleNever
		sum.InFlight += c.InFlight
		sum.BytesStranded += c.BytesStranded
		sum.Buffers += c.Buffers
		sum.Pipes.Leased += c.Pipes.Leased
		sum.Pipes.Stock += c.Pipes.Stock
	}
	return sum
}

func (w *World) unfinished() string {
	var s []string
	for _, v := range w.lives {
		for _, p := range []*party{&v.client, &v.backend} {
			if p.live && !p.over() {
				s = append(s, fmt.Sprintf("%s has written %d of %d, sent its end: %v, read %d, read the end: %v, was cut: %v",
					v.name(p), p.pos, p.total, p.sent, p.in.Pos, p.fin, p.cut))
			}
		}
	}
	s = append(s, fmt.Sprintf("%d descriptors are registered, %d pipes open, %d of %d posts ran",
		w.registered(), w.k.OpenPipes(), w.ran, w.posted))
	return strings.Join(s, "; ")
}

// invariants hold after every turn.
func (w *World) invariants() {
	c := w.count()
	switch {
	case w.k.Corked > 0:
		w.fail("bytes were held back for 200 ms: more was asked of a pipe than it held")
	case w.k.Misused > 0:
		w.fail("%d descriptors were closed, or forgotten by epoll, that were not open", w.k.Misused)
	case c.StaleNever > 0:
		w.fail("%d events of registrations that never were", c.StaleNever)
	case c.Pipes.Leased > 0 && w.k.Piped == 0:
		w.fail("%d pipes are leased, and nothing is in them", c.Pipes.Leased)
	case c.InFlight < w.k.Piped:
		w.fail("%d bytes in flight are counted, the pipes hold %d", c.InFlight, w.k.Piped)
	case c.Buffers > 0 && c.InFlight == w.k.Piped:
		w.fail("%d buffers are leased, and nothing is in them", c.Buffers)
	case w.k.OpenPipes() != c.Pipes.Leased+c.Pipes.Stock:
		w.fail("%d pipes exist, %d are leased and %d in stock", w.k.OpenPipes(), c.Pipes.Leased, c.Pipes.Stock)
	case w.allRelayed() && w.k.Taken-w.k.Given != uint64(c.InFlight)+c.BytesStranded:
		w.fail("%d bytes taken, %d given: %d in flight and %d stranded are counted",
			w.k.Taken, w.k.Given, c.InFlight, c.BytesStranded)
	}
}

func (w *World) allRelayed() bool {
	for _, v := range w.lives {
		if v.kind != relayed {
			return false
		}
	}
	return true
}

// judge holds the two ends of each life against each other.
func (w *World) judge() {
	for _, v := range w.lives {
		w.judgeStrays(v)
		if v.kind.forwards() {
			w.direction(v, &v.client, &v.backend)
			w.direction(v, &v.backend, &v.client)
			w.account(v)
		} else {
			w.answered(v)
		}
	}
}

// direction judges what went from one party to the other.
func (w *World) direction(v *life, from, to *party) {
	if !to.live {
		return // nobody to tell: the other must have been cut, below
	}
	cut := w.fatal || w.drained && !v.opened || v.refuses || v.timedOut || from.how >= closeAll || to.how >= closeAll
	if !from.live {
		if to.fin && !to.unix() {
			w.fail("%s read a clean end, but there never was a backend", v.name(to))
		}
		if !cut && !to.closed {
			w.fail("%s was left alone", v.name(to))
		}
		if !cut {
			w.fail("%s was never connected to a backend", v.name(to))
		}
		return
	}
	arrived := from.peer.Arrived()
	switch {
	case to.fin && !(cut && to.unix()) && (!from.peer.Told() || to.in.Pos != uint64(from.pos)):
		w.fail("a cut looks complete: %s read an end after %d bytes, %s wrote %d, and its end arrived: %v",
			v.name(to), to.in.Pos, v.name(from), from.pos, from.peer.Told())
	case !cut && !to.fin:
		w.fail("%s was cut (%v) after %d of %d bytes, for no reason", v.name(to), to.error, to.in.Pos, from.pos)
	case from.unix() && from.how == closeAll && from.peer.Told() && v.result != nil && to.how < closeAll && !w.fatal && !v.timedOut && !to.fin && !to.broken && !to.unix():
		w.fail("an end was lost: %s closed, having read all, and %s was cut (%v)", v.name(from), v.name(to), to.error)
	case v.gaveUp && from.how >= closeAll && to.in.Pos == 0: // there was never a relay
	case !w.fatal && !v.timedOut && (v.kind == relayed || v.result != nil) && (to.cut || to.fin) && to.how < closeAll && to.in.Pos != arrived:
		w.fail("a reset overtook data: %s read %d bytes, %d had arrived from %s before it was cut",
			v.name(to), to.in.Pos, arrived, v.name(from))
	}
}

// account checks what the relay said about itself.
func (w *World) account(v *life) {
	r := v.result
	if r == nil {
		return
	}
	if v.backend.in.Pos > r.AB.Pumped+v.head || v.client.in.Pos > r.BA.Pumped {
		w.fail("life %d: %d and %d bytes were read, %d and %d counted as pumped", v.client.k/2,
			v.backend.in.Pos, v.client.in.Pos, r.AB.Pumped, r.BA.Pumped)
	}
	if r.Err == nil && r.AB.Stranded+r.BA.Stranded > 0 {
		w.fail("life %d ended well, with bytes stranded: %+v", v.client.k/2, *r)
	}
}

// answered judges a life that the server itself served.
func (w *World) answered(v *life) {
	p := &v.client
	if v.kind == monkeyed {
		if p.fin && !p.unix() && (!v.ordered && v.session != nil || p.in.Pos != v.out.Pos && !v.posted) {
			w.fail("a cut looks complete: %s read an end after %d bytes, of %d that were written; ended in order: %v", v.name(p), p.in.Pos, v.out.Pos, v.ordered)
		}
		return
	}
	want := p.pos
	if v.kind == spoken {
		want = v.said
	}
	if v.timedOut { // what is cut must not look complete
		if p.fin && !p.unix() && p.in.Pos != uint64(want) {
			w.fail("a cut looks complete: %s read an end after %d of %d bytes", v.name(p), p.in.Pos, want)
		}
		return
	}
	if v.kind == panicked || w.fatal || w.drained && !v.opened || p.how >= closeAll {
		if p.fin && !p.unix() && v.kind == panicked && p.pos > 0 {
			w.fail("%s read a clean end from a handler that panicked", v.name(p))
		}
		return
	}
	if !p.fin || p.in.Pos != uint64(want) {
		w.fail("%s wrote %d bytes and read %d of what it was to; end read: %v, cut: %v (%v)", v.name(p), p.pos, p.in.Pos, p.fin, p.cut, p.error)
	}
}

// judgeRest checks that everything was given back.
func (w *World) judgeRest() {
	c := w.srv.Group().Counters()
	pages, _ := w.srv.Group().PipePages()
	var drained, pumped uint64
	for _, v := range w.lives {
		if r := v.result; r != nil {
			drained += r.AB.Drained + r.BA.Drained
			pumped += r.AB.Pumped + r.BA.Pumped
		}
	}
	switch {
	case w.k.Open() != 0:
		w.fail("%d descriptors leaked", w.k.Open())
	case c.Conns != 0 || c.Relays != 0 || c.InFlight != 0 || c.Buffers != 0 || c.TimersArmed != 0:
		w.fail("not given back: %d connections, %d relays, %d bytes in flight, %d buffers, %d timers",
			c.Conns, c.Relays, c.InFlight, c.Buffers, c.TimersArmed)
	case w.k.Misused > 0:
		w.fail("%d descriptors were closed, or forgotten by epoll, that were not open", w.k.Misused)
	case c.Registered != c.Unregistered:
		w.fail("%d registered, %d unregistered", c.Registered, c.Unregistered)
	case c.Pipes.Leased != 0 || c.Pipes.Stock != 0 || c.Pipes.Created != c.Pipes.Destroyed || pages != 0:
		w.fail("pipes not given back: %+v, %d pages", c.Pipes, pages)
	case w.allRelayed() && (w.k.Given != pumped || w.k.Taken != drained):
		w.fail("the kernel took %d bytes from sources and gave %d to sinks, the relays say %d and %d", w.k.Taken, w.k.Given, drained, pumped)
	case w.allRelayed() && w.k.Given != c.BytesSpliced+c.BytesCopied:
		w.fail("%d bytes were given to sinks, %d spliced and %d copied are counted", w.k.Given, c.BytesSpliced, c.BytesCopied)
	}
}
