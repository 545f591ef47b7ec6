package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock/penstock/bench/result"
)

// window takes a member's window in.
func (r *run) window(m *member, i *result.Interval) {
	switch {
	case i == nil:
		r.lose(m, "sent a window without figures")
	case i.Seq != m.next:
		r.lose(m, fmt.Sprintf("sent window %d in place of %d", i.Seq, m.next))
	case i.Last && r.phase != stopping:
		r.lose(m, "ended before it was told to")
	default:
		i.Agent = m.name
		m.next, m.told, m.ended = m.next+1, time.Now(), i.Last
		m.windows = append(m.windows, window{i, m.told})
	}
}

// merge tells of every window that all members have told of. What is there when ctx
// ends is left to rest.
func (r *run) merge(ctx context.Context) {
	for ctx.Err() == nil && r.complete() {
		sum := result.Empty()
		var from, to time.Duration
		for _, m := range r.members {
			sum.Beside(m.windows[0].Interval)
			from, to = from+m.windows[0].From, to+m.windows[0].To
			m.windows = m.windows[1:]
		}
		// Their clocks began with the go, and may be a little apart.
		n := time.Duration(len(r.members))
		sum.From, sum.To = from/n, to/n
		r.tell(sum)
	}
}

func (r *run) complete() bool {
	for _, m := range r.members {
		if len(m.windows) == 0 || m.windows[0].Last {
			return false
		}
	}
	return true
}

// rest tells, as the last window, of all that came after the last one that was merged,
// but from who was lost: what it left unanswered nobody knows.
func (r *run) rest() {
	sum := result.Empty()
	for _, m := range r.members {
		if m.lost != "" {
			continue
		}
		mine := result.Empty()
		for _, w := range m.windows {
			mine.Append(w.Interval)
		}
		sum.Beside(mine)
	}
	sum.Last = true
	r.tell(sum)
}
