package sim

import (
	"errors"
	"net"
	"strings"
	"time"
)

// lanes splits the addresses by family, in the order of a look-up.
func (n *named) lanes() (first, second []target) {
	for _, t := range n.targets {
		if t.addr.Addr().Is4() == n.targets[0].addr.Addr().Is4() {
			first = append(first, t)
		} else {
			second = append(second, t)
		}
	}
	return first, second
}

// prompt reports whether a lane connects as soon as it is tried, or fails as soon.
func prompt(lane []target) (connects, fails bool) {
	for _, t := range lane {
		if !t.fate.fails() {
			return t.fate == replies, false
		}
	}
	return false, true
}

// bound is how long after the look-up the dial is to have a connection; ok is false if
// nothing can be said.
func (n *named) bound() (after int64, ok bool) {
	first, second := n.lanes()
	connects, fails := prompt(first)
	if connects {
		return 0, true
	}
	other, _ := prompt(second)
	if fails {
		return 0, other
	}
	return fallback, other
}

// judgeRace judges a dial by name that goes on, or has come to something: a family does not
// wait for another that is a black hole, nor is it tried too soon.
func (w *World) judgeRace(v *life) {
	n := v.named
	if n == nil || v.dialledAt == 0 || w.quiet || w.config.faults || n.answer != found || n.resolvedAt == 0 {
		return
	}
	now := w.k.Clock()
	quits := v.backend.how >= closeAll // it may reset before it is looked at
	if after, ok := n.bound(); ok && !quits && now > max(n.resolvedAt, v.dialledAt, w.pausedAt)+after+late {
		w.fail("overdue: an address of %s answers, and %v after the look-up nothing is connected", n.host, time.Duration(now-n.resolvedAt))
	}
	first, second := n.lanes()
	if _, fails := prompt(first); fails || quits || n.twin {
		return
	}
	for _, t := range second {
		if t.fate == refuses {
			continue
		}
		if at := t.listener.AnsweredAt(); at > 0 && at < n.resolvedAt+fallback-early {
			w.fail("the second family of %s was tried %v after the look-up", n.host, time.Duration(at-n.resolvedAt))
		}
	}
}

// judgeFailure judges the error of a dial by name: that of the address which the resolver
// prefers, if none could be reached.
func (w *World) judgeFailure(v *life, err error) {
	n := v.named
	var op *net.OpError
	switch {
	case n == nil, w.fatal || w.quiet || w.config.faults || v.gaveUp || v.timedOut || n.answer != found || n.resolvedAt == 0:
	case !errors.As(err, &op):
		w.fail("a dial of %s failed with %v, which is no *net.OpError", n.host, err)
	case !v.refuses && v.backend.how < closeAll:
		w.fail("a dial of %s failed with %v, although an address answers", n.host, err)
	case v.refuses && (op.Addr == nil || !strings.HasPrefix(op.Addr.String(), n.targets[0].addr.String())):
		w.fail("a dial of %s failed with %v, which is not of the first address, %v", n.host, err, n.targets[0].addr)
	}
}

// judgeStrays: a connection that was not used was reset, and never heard a word.
func (w *World) judgeStrays(v *life) {
	if v.named == nil {
		return
	}
	for _, s := range v.named.strays {
		if s.in.Pos > 0 {
			w.fail("a connection to %s that was not used was sent %d bytes", v.named.host, s.in.Pos)
		}
		if s.fin {
			w.fail("a cut looks complete: a connection to %s that was not used read a clean end", v.named.host)
		}
	}
}
