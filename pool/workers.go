package pool

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/panjf2000/ants/v2"
)

// ErrBusy is answered by Workers.Do when all workers are busy. Nothing was
// queued: a loop must not wait, and a queue without limit would hide the
// overload. The caller fails the one request that asked.
var ErrBusy = errors.New("penstock: all workers are busy")

// ErrStopped is answered by Workers.Do after Close.
var ErrStopped = errors.New("penstock: the workers have been stopped")

// Workers run what would block a loop: name resolution, and what a handler hands
// off. Up to size run at a time; a further one is refused with ErrBusy.
// Its methods may be called by any goroutine.
type Workers struct {
	size int
	once sync.Once
	pool *ants.Pool
	err  error
	log  func(panicked any)
}

// NewWorkers makes a pool of size workers, which starts none before the first Do.
// log is told what a panicking task panicked with; the worker survives it.
func NewWorkers(size int, log func(panicked any)) *Workers {
	return &Workers{size: size, log: log}
}

// Do runs f on a worker, or answers ErrBusy or ErrStopped.
func (w *Workers) Do(f func()) error {
	w.once.Do(w.start)
	if w.err != nil {
		return w.err
	}
	err := w.pool.Submit(f)
	switch {
	case errors.Is(err, ants.ErrPoolOverload):
		return fmt.Errorf("%w: %d at work", ErrBusy, w.size)
	case errors.Is(err, ants.ErrPoolClosed):
		return ErrStopped
	}
	return err
}

func (w *Workers) start() {
	w.pool, w.err = ants.NewPool(w.size, ants.WithNonblocking(true), ants.WithPanicHandler(w.log))
}

// Close waits up to a second for what runs, and stops the workers.
func (w *Workers) Close() {
	w.once.Do(func() { w.err = ErrStopped })
	if w.pool != nil {
		_ = w.pool.ReleaseTimeout(time.Second) // what overruns ends by itself
	}
}
