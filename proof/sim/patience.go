package sim

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// patience is how long runs may go without one that ends. A turn without end that
// makes no call is seen by nothing else: calls are where the scheduler has its say.
// The longest run seen took 10 ms.
const patience = 5 * time.Second

// ended counts the runs that have ended.
var ended atomic.Uint64

// attend has f make runs, and answers its error; or one of its own if they end no
// more, and then f, which nobody can stop, is left behind. Garbage is collected
// rarely: a run leaves some 300 KB, all of it, and collecting took half the time.
func attend(patience time.Duration, f func() error) error {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	done, began := make(chan error, 1), ended.Load()
	go func() { done <- f() }()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for before := began; ; {
		select {
		case err := <-done:
			return err
		case <-tick.C:
		}
		now := ended.Load()
		if now == before {
			return fmt.Errorf("a turn without end, after %d runs: for %v it has made no call but of the clock", now-began, patience)
		}
		before = now
	}
}
