package sim

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/loop"
)

// defaultLinger is that of fd.Options.
const defaultLinger = 30 * time.Second

// A closing is a Close that waits for its peer. Linger bounds the time in which nothing
// happens, not the whole: a peer that reads on, however slowly, gets everything.
type closing struct {
	c    *loop.Conn
	peer simkernel.Peer
	at   int64 // when Close was called
}

// closes notes that a session closes its connection, now. A second Close has no effect.
func (w *World) closes(v *life, c *loop.Conn) {
	again := slices.ContainsFunc(v.closings, func(one closing) bool { return one.c == c })
	if peer, ok := w.k.Opposite(c.FD().Num()); ok && !again {
		v.closings = append(v.closings, closing{c, peer, w.k.Clock()})
	}
}

// closed judges the end of a session: a Close may be cut for time only if the peer was
// silent for as long as Linger.
func (w *World) closed(v *life, c *loop.Conn, err error) {
	for i, one := range v.closings {
		if one.c != c {
			continue
		}
		v.closings = append(v.closings[:i:i], v.closings[i+1:]...)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		v.timedOut = true
		acked := one.acked()
		quiet := w.k.Clock() - acked
		if acked <= w.looks[v.loop] && quiet < int64(w.linger())-early {
			w.fail("a Close was cut too early: its peer had taken something %v before, and Linger is %v", time.Duration(quiet), w.linger())
		}
		return
	}
}

// acked is when the peer last took something.
func (one *closing) acked() int64 { return max(one.at, one.peer.View().AckedAt) }

func (w *World) linger() time.Duration {
	if w.config.closeWait > 0 {
		return w.config.closeWait
	}
	return defaultLinger
}

// lingers fails the run if a Close has waited for a silent peer for too long.
func (w *World) lingers(v *life) {
	for i := range v.closings {
		one := &v.closings[i]
		view := one.peer.View()
		last := max(one.acked(), view.GivenAt, view.ShutAt, view.ShutAckedAt, w.pausedAt)
		if now := w.k.Clock(); now > last+int64(w.linger())*5/4+late {
			w.fail("overdue: a Close of %s waits for a peer that has been silent for %v, and Linger is %v", v.name(&v.client), time.Duration(now-last), w.linger())
		}
	}
}

// says is a session that has its say and closes, whatever its client still sends.
type says struct{ echo }

const saying = 20_000 // bytes

// speak has the server speak, and close.
func (w *World) speak(v *life, c *loop.Conn) error {
	s := &says{echo{w: w, v: v}}
	if err := c.Serve(s); err != nil {
		return err
	}
	stream := replyStream(v)
	b := make([]byte, v.said)
	stream.Fill(b)
	if _, err := c.Write(b); err != nil {
		return err
	}
	w.closes(v, c)
	return c.Close()
}
