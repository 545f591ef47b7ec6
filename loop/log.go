package loop

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// logBacklog is how many log records may wait to be written.
const logBacklog = 256

// A recorder writes log records on a goroutine of its own. A slog.Handler may
// block for ever, as a write to a pipe does that nobody reads: the loops must not.
// It is a slog.Handler, which hands records over and never waits: when logBacklog
// records are waiting, further ones are dropped and counted, and the number is
// logged once there is room again.
type recorder struct {
	out     slog.Handler // what WithAttrs and WithGroup made of the user's
	*writer              // shared by all of them
}

// A writer is the goroutine of a group's recorders, and the way to it.
type writer struct {
	start   sync.Once
	records chan record
	lost    atomic.Uint64 // since it was last logged
	dropped atomic.Uint64 // ever
	ended   chan struct{} // closed when the goroutine has returned

	mu     sync.RWMutex
	closed bool // guarded by mu
}

type record struct {
	to slog.Handler
	slog.Record
}

func newRecorder(out slog.Handler) *recorder {
	return &recorder{out, &writer{records: make(chan record, logBacklog), ended: make(chan struct{})}}
}

// Enabled asks the user's handler, whose answer must not block: slog calls it
// before it collects arguments.
func (r *recorder) Enabled(ctx context.Context, level slog.Level) bool {
	return r.out.Enabled(ctx, level)
}

// Handle hands the record over, or drops it. It returns nil.
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil
	}
	r.start.Do(func() { go r.write() })
	select {
	case r.records <- record{r.out, rec}:
	default:
		r.lost.Add(1)
		r.dropped.Add(1)
	}
	return nil
}

func (r *recorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &recorder{r.out.WithAttrs(attrs), r.writer}
}

func (r *recorder) WithGroup(name string) slog.Handler {
	return &recorder{r.out.WithGroup(name), r.writer}
}

// write writes records until the writer is closed. A panic of the user's handler
// costs the record, and nothing else.
func (w *writer) write() {
	defer close(w.ended)
	for rec := range w.records {
		handle(rec)
		if n := w.lost.Swap(0); n > 0 {
			r := slog.NewRecord(time.Now(), slog.LevelWarn, "penstock: log records dropped: the log could not be written fast enough", 0)
			r.AddAttrs(slog.Uint64("records", n))
			handle(record{rec.to, r})
		}
	}
}

func handle(r record) {
	defer func() { _ = recover() }()
	_ = r.to.Handle(context.Background(), r.Record)
}

// flushFor is how long the end of a group waits for the last records.
const flushFor = time.Second

// close has what is waiting written, and waits for that, but not for a handler that
// does not return: its goroutine is left behind.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.start.Do(func() { close(w.ended) }) // it never ran
	close(w.records)
	select {
	case <-w.ended:
	case <-time.After(flushFor):
	}
}
