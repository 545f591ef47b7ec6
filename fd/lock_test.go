package fd

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The holder of the lock removes its file. A process that had opened that file before must
// not take it for the lock: the next one has made another.
func TestLockThatWasRemovedIsNoLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	f, err := tryLock(name)
	if f == nil || err != nil {
		t.Fatal(f, err)
	}
	defer f.Close()
	if !isAt(name, f) {
		t.Error("a lock is not believed")
	}
	if other, err := tryLock(name); other != nil || err != nil {
		t.Errorf("locked twice: %v, %v", other, err)
	}
	os.Remove(name)
	if isAt(name, f) {
		t.Error("a file that is gone is a lock")
	}
	next, err := tryLock(name)
	if next == nil || err != nil {
		t.Fatal(next, err)
	}
	defer unlock(name, next)
	if isAt(name, f) {
		t.Error("a file that has been replaced is a lock")
	}
}

func TestLockOfAUnixPathHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	var holders, locked atomic.Int64
	var all sync.WaitGroup
	var failed atomic.Bool
	until := time.Now().Add(10 * time.Second)
	for range 4 {
		all.Go(func() {
			for !failed.Load() && locked.Load() < 5_000 && time.Now().Before(until) {
				f, err := tryLock(path)
				if err != nil {
					t.Error(err)
					return
				}
				if f == nil {
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders", n)
					failed.Store(true)
				}
				locked.Add(1)
				holders.Add(-1)
				unlock(path, f)
			}
		})
	}
	all.Wait()
	if locked.Load() < 100 {
		t.Errorf("locked %d times", locked.Load())
	}
}
