package pool_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/pool"
)

// limited is the host's kernel with a page budget, and pipes that may be born small.
type limited struct {
	sys.Kernel
	limits  sys.PipeLimits
	size    int       // of new pipes; 0 is the kernel's
	pipeErr sys.Errno // of Pipe
	setErr  sys.Errno // of SetPipeSize
	setSize int       // what SetPipeSize says it set; 0: what it did
	sizeErr sys.Errno // of PipeSize
	stopped int64     // the time at which the clock stands; 0: it goes
	skipped int64     // ns that the clock is ahead
	made    int
}

func (k *limited) Now() int64 {
	if k.stopped != 0 {
		return k.stopped + k.skipped
	}
	return k.Kernel.Now() + k.skipped
}

func (k *limited) PipeSize(fd int) (int, sys.Errno) {
	if k.sizeErr != 0 {
		return 0, k.sizeErr
	}
	return k.Kernel.PipeSize(fd)
}

func (k *limited) PipeLimits() sys.PipeLimits { return k.limits }

func (k *limited) Pipe() (int, int, sys.Errno) {
	k.made++
	if k.pipeErr != 0 {
		return 0, 0, k.pipeErr
	}
	r, w, e := k.Kernel.Pipe()
	if e == 0 && k.size > 0 {
		k.Kernel.SetPipeSize(r, k.size)
	}
	return r, w, e
}

func (k *limited) SetPipeSize(fd, bytes int) (int, sys.Errno) {
	if k.setErr != 0 {
		return bytes, k.setErr
	}
	if k.setSize != 0 {
		return k.setSize, 0
	}
	return k.Kernel.SetPipeSize(fd, bytes)
}

func newPipes(t *testing.T, k *limited) (*pool.Pipes, *pool.Governor) {
	t.Helper()
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	testkit.Leaks(t)
	k.Kernel = host
	gov := pool.NewGovernor(k)
	p := pool.NewPipes(k, gov)
	t.Cleanup(func() {
		p.Close()
		if s := p.Stats(); gov.Used() != 0 || s.Created != s.Destroyed || s.Leased != 0 {
			t.Errorf("not given back: %d pages, %+v", gov.Used(), s)
		}
	})
	return p, gov
}

func TestDirtyPipeIsNeverLentAgain(t *testing.T) {
	p, _ := newPipes(t, &limited{})
	dirty := p.Lease(false)
	unix.Write(dirty.W, []byte("for somebody else"))
	dirty.Bytes = 17
	p.Put(dirty)
	if s := p.Stats(); s.Dirty != 1 || s.Destroyed != 1 || s.Stock != 0 {
		t.Errorf("%+v", s)
	}
	next := p.Lease(false)
	defer p.Put(next)
	var b [32]byte
	if n, err := unix.Read(next.R, b[:]); err != unix.EAGAIN {
		t.Errorf("the next lease has %q in it", b[:max(n, 0)])
	}
}

func TestCleanPipeServesTheNextLease(t *testing.T) {
	k := &limited{}
	p, _ := newPipes(t, k)
	for range 100 {
		p.Put(p.Lease(true))
	}
	if k.made != 1 {
		t.Errorf("%d pipes for 100 leases one after another", k.made)
	}
}

func TestPipesStayWithinTheBudgetAndBigOnesWithinHalf(t *testing.T) {
	k := &limited{limits: sys.PipeLimits{Soft: 2048}}
	p, gov := newPipes(t, k)
	if gov.Budget() != 1536 {
		t.Errorf("budget %d pages, want three quarters of 2048", gov.Budget())
	}
	var held []*pool.Pipe
	big := 0
	for {
		pipe := p.Lease(true)
		if pipe == nil {
			break
		}
		if pipe.Size >= 1<<20 {
			big++
		}
		held = append(held, pipe)
	}
	if big != 3 || gov.Used() > 1536 || len(held) != 3+(1536-3*256)/16 {
		t.Errorf("%d pipes, %d of them big, %d pages", len(held), big, gov.Used())
	}
	if s := p.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
	for _, pipe := range held {
		p.Put(pipe)
	}
}

func TestAnExemptProcessIsBoundedAllTheSame(t *testing.T) {
	_, gov := newPipes(t, &limited{limits: sys.PipeLimits{Soft: 10, Exempt: true}})
	if gov.Budget() != 65536 {
		t.Errorf("%d pages", gov.Budget())
	}
}

// Past the user's budget the kernel gives pipes of 2 slots, without a word.
func TestPipeBornSmallIsNotUsed(t *testing.T) {
	k := &limited{size: 8192}
	p, _ := newPipes(t, k)
	for range 10 {
		if pipe := p.Lease(false); pipe != nil {
			t.Fatalf("a pipe of %d bytes was lent", pipe.Size)
		}
	}
	if k.made != 1 {
		t.Errorf("%d pipes were made to find that out, within the same moment", k.made)
	}
	k.size = 0
	k.skipped += int64(60 * time.Millisecond) // a shortage is not for ever
	pipe := p.Lease(false)
	if pipe == nil {
		t.Fatal("no pipe after the shortage")
	}
	p.Put(pipe)
}

func TestBigPipeThatCannotBeGrownFallsBackToSmall(t *testing.T) {
	for _, k := range []*limited{{setErr: sys.EPERM}, {setSize: 1<<20 - 4096}} {
		p, _ := newPipes(t, k)
		pipe := p.Lease(true)
		if pipe == nil || pipe.Size != 64<<10 {
			t.Fatalf("%+v", pipe)
		}
		p.Put(pipe)
	}
}

func TestIdleStockShrinksToNothing(t *testing.T) {
	p, gov := newPipes(t, &limited{})
	var held []*pool.Pipe
	for range 5 {
		held = append(held, p.Lease(false))
	}
	for _, pipe := range held {
		p.Put(pipe)
	}
	p.Trim() // learns how few are enough from here on
	p.Put(p.Lease(false))
	if !p.Trim() || p.Stats().Stock != 1 {
		t.Errorf("%d left after a period in which one was in use", p.Stats().Stock)
	}
	if p.Trim() || p.Stats().Stock != 0 || gov.Used() != 0 {
		t.Errorf("%d left after a period without use", p.Stats().Stock)
	}
}

func TestWorkersAreBoundedAndSurvivePanics(t *testing.T) {
	panics := make(chan any, 1)
	w := pool.NewWorkers(2, func(v any) { panics <- v })
	var busy sync.WaitGroup
	release := make(chan struct{})
	for range 2 {
		busy.Add(1)
		if err := w.Do(func() { busy.Done(); <-release }); err != nil {
			t.Fatal(err)
		}
	}
	busy.Wait()
	if err := w.Do(func() {}); !errors.Is(err, pool.ErrBusy) {
		t.Errorf("a third job of two workers: %v", err)
	}
	close(release)
	for w.Do(func() { panic("job") }) != nil {
		time.Sleep(time.Millisecond)
	}
	if v := <-panics; v != "job" {
		t.Error(v)
	}
	w.Close()
	if err := w.Do(func() {}); !errors.Is(err, pool.ErrStopped) {
		t.Errorf("a job after Close: %v", err)
	}
	unused := pool.NewWorkers(2, nil)
	unused.Close()
	if err := unused.Do(func() {}); !errors.Is(err, pool.ErrStopped) {
		t.Errorf("a first job after Close: %v", err)
	}
}
