package loop

import (
	"fmt"

	"github.com/penstock/penstock/fd"
)

// The dials that a connection is waiting for, its children, are found by its registration.
// A dial whose parent has ended or failed is given up at once: it would hold its
// descriptors, and its parent's, until the peer answers or the time is over.
//
// The end of the parent's stream is no such failure. It may follow a request whose answer
// is waited for, and a peer that has closed its socket sends the same FIN.

// linkDial makes t a child of its parent.
func (l *Loop) linkDial(t *dial) {
	if t.parent == nil {
		return
	}
	if l.children == nil {
		l.children = map[*Registration]*dial{}
	}
	r := &t.parent.Registration
	t.sibling = l.children[r]
	l.children[r] = t
}

func (l *Loop) unlinkDial(t *dial) {
	if t.parent == nil {
		return
	}
	r := &t.parent.Registration
	first := l.children[r]
	switch {
	case first == t && t.sibling == nil:
		delete(l.children, r)
	case first == t:
		l.children[r] = t.sibling
	default:
		for p := first; p != nil; p = p.sibling {
			if p.sibling == t {
				p.sibling = t.sibling
			}
		}
	}
	t.sibling = nil
}

// parentEnded gives up the dials of a connection that is being closed.
func (l *Loop) parentEnded(r *Registration) { l.cancelDials(r, errParentEnded) }

// parentReady gives up the dials of a connection that its peer has reset. On a Unix socket
// that is a peer that has closed with unread data; what it sent before stands in front of
// that error, and is delivered first.
func (l *Loop) parentReady(r *Registration) {
	t := l.children[r]
	if t == nil || r.fd.Ready()&fd.Broken == 0 {
		return
	}
	e := r.fd.Probe(l.k)
	r.fd.Note(fd.Broken) // its own task has not looked yet
	if e != 0 {
		l.cancelDials(r, fmt.Errorf("%w: %w", errParentEnded, t.parent.opError("read", e)))
	}
}

func (l *Loop) cancelDials(r *Registration, err error) {
	for t := l.children[r]; t != nil; t = t.sibling {
		if t.failure == nil && t.done != nil {
			t.cancel(t.opError(t.at(), err))
		}
	}
}
