package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/pool"
)

// A job is what a worker is to do, and when it will have done so.
type job struct {
	f  func()
	at int64
}

// work is Group.Do: as many workers as the world has, each of them slow or not.
func (w *World) work(f func()) error {
	switch {
	case w.ending:
		return pool.ErrStopped
	case len(w.jobs) >= w.config.workers:
		return fmt.Errorf("%w: %d at work", pool.ErrBusy, len(w.jobs))
	}
	if w.config.exact != nil {
		w.jobs = append(w.jobs, job{f, w.k.Clock()})
		return nil
	}
	long := Of(w.tape, 0, 50*time.Millisecond, 400*time.Millisecond, 2*time.Second)
	w.jobs = append(w.jobs, job{f, w.k.Clock() + int64(long)})
	return nil
}

// do ends a job. A worker outlives a panic.
func (w *World) do(i int) {
	f := w.jobs[i].f
	w.jobs = append(w.jobs[:i:i], w.jobs[i+1:]...)
	w.k.Progress++
	defer func() {
		if v := recover(); v != nil && v != expected {
			panic(v)
		}
	}()
	f()
}

// handsOff echoes, and has a worker look at each piece before. Meanwhile it reads nothing.
type handsOff struct {
	echo
	rest []byte // to be handed off
	end  bool
}

func (s *handsOff) Data(c *loop.Conn) error {
	if s.rest != nil {
		return nil
	}
	var err error
	if s.rest, s.end, err = piece(c); s.rest == nil {
		return err
	}
	c.Pause()
	s.hand(c)
	return nil
}

// hand hands off. If all workers are busy it tries again.
func (s *handsOff) hand(c *loop.Conn) {
	h := c.Handle()
	err := s.w.srv.Group().Do(func() { h.Do(s.back) })
	switch {
	case errors.Is(err, pool.ErrBusy):
		c.Loop().AfterFunc(5*time.Millisecond, func() { s.hand(c) })
	case err != nil:
		c.Abort()
	}
}

// back answers when the worker is done.
func (s *handsOff) back(c *loop.Conn) {
	if _, err := c.Write(s.rest); err != nil {
		c.Abort()
		return
	}
	s.rest = nil
	if s.end {
		s.w.closes(s.v, c)
		c.Close()
		return
	}
	c.Resume()
}
