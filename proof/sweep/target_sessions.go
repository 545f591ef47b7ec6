package sweep

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/loop"
)

// echo sends back what it reads, and ends when it is told of a drain.
type echo struct{ planted string }

func (e *echo) Data(c *loop.Conn) error {
	if done, err := spoil(e.planted, c); done {
		return err
	}
	_, err := c.CopyTo(c)
	return err
}

func (e *echo) Writable(*loop.Conn) error { return nil }
func (e *echo) Closed(*loop.Conn, error)  {}
func (e *echo) Drain(c *loop.Conn)        { c.Close() }

// What push sends: messages of the stream of its own number.
const (
	pushMessages = 2
	pushBytes    = 1000
)

// push writes to a connection from outside its loop, which is given the time to
// fall asleep, so that the posts have to wake it.
func push(h loop.Handle) {
	s := content.Stream{K: routePush}
	b := make([]byte, pushBytes)
	for range pushMessages {
		time.Sleep(2 * time.Millisecond)
		s.Fill(b)
		if _, err := h.Write(b); err != nil {
			return
		}
	}
	time.Sleep(2 * time.Millisecond)
	h.Close()
}

// check looks for what was not given back, once the server has ended.
func (t *target) check(o *outcome, before map[string]string, goroutines int) {
	if g := t.srv.Group(); g != nil {
		o.Turns = g.Counters().Turns
		o.Unreturned = unreturned(g)
	}
	// The worker pool and the harness's last line have goroutines that are ending.
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines+1 { // one waits for the end of the input
			break
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines+1 {
		o.Unreturned = append(o.Unreturned, fmt.Sprintf("%d goroutines, were %d", n, goroutines))
	}
	for num, what := range descriptors() {
		if before[num] != what {
			o.Leaked = append(o.Leaked, num+" "+what)
		}
	}
}

// unreturned names the counters of a closed group that should be back at zero.
func unreturned(g *loop.Group) (left []string) {
	c := g.Counters()
	pages, _ := g.PipePages()
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"connections", int64(c.Conns)}, {"relays", int64(c.Relays)}, {"bytes in flight", int64(c.InFlight)},
		{"buffers", int64(c.Buffers)}, {"timers", int64(c.TimersArmed)},
		{"registrations", int64(c.Registered - c.Unregistered)},
		{"pipes leased", int64(c.Pipes.Leased)}, {"pipes in stock", int64(c.Pipes.Stock)},
		{"pipes", int64(c.Pipes.Created - c.Pipes.Destroyed)}, {"pipe pages", int64(pages)},
		{"events of nobody", int64(c.StaleNever)}, {"panics", int64(c.Panics)},
	} {
		if v.value != 0 {
			left = append(left, fmt.Sprintf("%d %s", v.value, v.name))
		}
	}
	return left
}

// descriptors answers what is open, but the directory that tells.
func descriptors() map[string]string {
	open := map[string]string{}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return open
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if what, err := os.Readlink("/proc/self/fd/" + name); err == nil && name != fmt.Sprint(dir.Fd()) {
			open[name] = what
		}
	}
	return open
}
