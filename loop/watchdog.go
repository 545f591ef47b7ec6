package loop

import (
	"bytes"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// running is what a loop is calling: a session's method, or a function. The loop notes
// it before each call, by one store, so that the watchdog need not stop the world.
type running struct {
	session  atomic.Pointer[serving]
	function atomic.Uintptr // its code
}

// calls notes a function of the user's that is about to be called, if f is one.
func (r *running) calls(f any) {
	r.clear()
	if v := reflect.ValueOf(f); v.Kind() == reflect.Func {
		r.function.Store(v.Pointer())
	}
}

// callsSession notes that a method of v's session is about to be called.
func (r *running) callsSession(v *serving) {
	if r.function.Load() != 0 {
		r.function.Store(0)
	}
	r.session.Store(v)
}

func (r *running) clear() {
	if r.function.Load() != 0 {
		r.function.Store(0)
	}
	if r.session.Load() != nil {
		r.session.Store(nil)
	}
}

// fewGoroutines is how many goroutines may exist for the watchdog to take the stacks of all,
// among which the loop's is: the world stands still for about 10 us for each.
const fewGoroutines = 1000

// describe returns log attributes for what the loop is calling: its session and the
// peer, or its function, and the stack where that is cheap.
func (l *Loop) describe() (about []any) {
	if v := l.running.session.Load(); v != nil {
		about = append(about, slog.String("session", nameOf(v.s)))
		if peer := v.c.RemoteAddr(); peer != nil {
			about = append(about, slog.String("peer", peer.String()))
		}
	}
	if pc := l.running.function.Load(); pc != 0 {
		about = append(about, slog.String("function", runtime.FuncForPC(pc).Name()))
	}
	if runtime.NumGoroutine() < fewGoroutines {
		return append(about, slog.String("stack", stackOf(l.goid.Load())))
	}
	return append(about, slog.Int("goroutines", runtime.NumGoroutine()))
}

// nameOf is the name of a function, and otherwise of a type.
func nameOf(s any) string {
	if v := reflect.ValueOf(s); v.Kind() == reflect.Func {
		return runtime.FuncForPC(v.Pointer()).Name()
	}
	return fmt.Sprintf("%T", s)
}

// watch warns of a turn that lasts longer than limit: a handler holds its loop,
// and every connection on it waits.
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
					about := []any{slog.Int("loop", i), slog.Duration("for", held)}
					g.log.Warn("penstock: a handler holds its loop", append(about, l.describe()...)...)
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
	buf := make([]byte, 4<<20)
	text := buf[:runtime.Stack(buf, true)]
	head := []byte(fmt.Sprintf("goroutine %d [", id))
	for _, trace := range bytes.Split(text, []byte("\n\n")) {
		if bytes.HasPrefix(trace, head) {
			return string(trace)
		}
	}
	return "not found"
}
