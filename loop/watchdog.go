package loop

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// watch warns of a turn that lasts longer than limit: a handler holds its loop,
// and every connection on it waits. It names the handler by its stack.
func (g *Group) watch(limit time.Duration) {
	defer g.ended.Done()
	seen := make([]uint64, len(g.loops))
	warned := make([]uint64, len(g.loops))
	since := make([]time.Time, len(g.loops))
	tick := time.NewTicker(max(limit/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-g.stop:
			return
		case now := <-tick.C:
			for i, l := range g.loops {
				turn := l.turns.Load()
				if turn != seen[i] || l.poll.Asleep() {
					seen[i], since[i] = turn, now
				} else if held := now.Sub(since[i]); held >= limit && warned[i] != turn {
					warned[i] = turn
					g.log.Warn("penstock: a handler holds its loop", slog.Int("loop", i),
						slog.Duration("for", held), slog.String("stack", stackOf(l.goid.Load())))
				}
			}
		}
	}
}

// goroutineID reads the number of the calling goroutine off its own stack trace,
// the one place where the runtime tells it. It is used to find that trace again, and
// to tell a loop's own goroutine from others.
func goroutineID() uint64 {
	var buf [64]byte
	text := buf[:runtime.Stack(buf[:], false)]
	number, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("goroutine ")), []byte(" "))
	id, _ := strconv.ParseUint(string(number), 10, 64)
	return id
}

// onLoop reports whether the calling goroutine is one of the loops'.
func (g *Group) onLoop() bool {
	id := goroutineID()
	return slices.ContainsFunc(g.loops, func(l *Loop) bool { return l.goid.Load() == id })
}

// stackOf finds the stack trace of a goroutine among those of all.
func stackOf(id uint64) string {
	buf := make([]byte, 1<<20)
	text := buf[:runtime.Stack(buf, true)]
	head := []byte(fmt.Sprintf("goroutine %d [", id))
	for _, trace := range bytes.Split(text, []byte("\n\n")) {
		if bytes.HasPrefix(trace, head) {
			return string(trace)
		}
	}
	return "not found"
}
