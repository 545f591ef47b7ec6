package splice_test

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A request through an echo server, or through a relay to one, allocates nothing.
func TestRequestsDoNotAllocate(t *testing.T) {
	if testkit.Race() {
		t.Skip("the race detector allocates")
	}
	testkit.Leaks(t)
	quiet := loop.Config{Loops: 1, Watchdog: -1}
	echo := &loop.Server{Config: quiet, Handler: loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err })}
	direct := testkit.Serve(t, echo, "tcp", "127.0.0.1:0")
	relay := forwarder(direct, &splice.Options{})
	relay.Config = quiet
	through := testkit.Serve(t, relay, "tcp", "127.0.0.1:0")
	for name, addr := range map[string]net.Addr{"echo": direct, "relay": through} {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 64)
		ask := func(n int) {
			for range n {
				c.Write(message)
				if _, err := io.ReadFull(c, message); err != nil {
					t.Fatal(err)
				}
			}
		}
		ask(100)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const n = 5000
		ask(n)
		runtime.ReadMemStats(&after)
		// A few are the runtime's own, whatever is measured.
		if allocs := after.Mallocs - before.Mallocs; allocs > n/100 {
			t.Errorf("%s: %d allocations in %d requests", name, allocs, n)
		}
		c.Close()
	}
}
