package loop_test

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// A connection for which there is no room in BacklogTimeout is reset; one that is
// served goes on, and the next is served when it has gone.
func TestBacklogTimeoutResetsWhatWaits(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), MaxConns: 1, BacklogTimeout: 50 * time.Millisecond, Config: loop.Config{Loops: 1, Logger: logTo(io.Discard)}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	served := dial(t, addr)
	exchange := func(c io.ReadWriter) error {
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	if err := exchange(served); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := dial(t, addr).Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that waited in the backlog got %v, want a reset", err)
		}
	}
	if err := exchange(served); err != nil {
		t.Errorf("the connection that is served: %v", err)
	}
	if c := srv.Group().Counters(); c.Accepted != 1 || c.Rejected != 2 {
		t.Errorf("%d accepted, %d rejected; want 1 and 2", c.Accepted, c.Rejected)
	}
	served.Close()
	testkit.Eventually(t, "there is room", func() bool { return exchange(dial(t, addr)) == nil })
}
