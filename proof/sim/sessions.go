package sim

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/penstock/penstock/loop"
)

// echo answers everything with itself.
type echo struct {
	w *World
	v *life
}

func (s *echo) Data(c *loop.Conn) error {
	_, err := c.CopyTo(c)
	if err == io.EOF {
		s.w.closes(s.v, c)
	}
	return err
}

func (*echo) Writable(*loop.Conn) error        { return nil }
func (s *echo) Closed(c *loop.Conn, err error) { s.w.closed(s.v, c, err) }

// reply reads to the end, and a while later sends as much back and closes.
type reply struct {
	echo
	got int
}

func (r *reply) Data(c *loop.Conn) error {
	for {
		b, err := c.Next()
		r.got += len(b)
		if errors.Is(err, io.EOF) {
			c.Loop().AfterFunc(100*time.Millisecond, func() { r.answer(c) })
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *reply) answer(c *loop.Conn) {
	stream := replyStream(r.v)
	b := make([]byte, r.got)
	stream.Fill(b)
	if _, err := c.Write(b); err == nil {
		r.w.closes(r.v, c)
		c.Close()
	}
}

// panics does what a careless handler does.
type panics struct{ echo }

func (*panics) Data(c *loop.Conn) error { panic(expected) }

const expected = "an expected panic"

// World is the server's log, which must not say that a handler panicked that was
// not to.
func (w *World) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle takes a record of the log.
func (w *World) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	mine := false
	r.Attrs(func(a slog.Attr) bool {
		mine = mine || a.Value.String() == expected
		text += "\n" + a.String()
		return true
	})
	if !mine {
		w.fail("%s", text)
	}
	return nil
}

// WithAttrs is of no use here.
func (w *World) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup is of no use here.
func (w *World) WithGroup(string) slog.Handler { return w }
