package loop_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// A handler that never returns keeps its loop, and not the end of Serve.
func TestHandlerThatNeverReturnsDoesNotHoldServe(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	release, held := make(chan struct{}), make(chan struct{})
	srv := &loop.Server{
		Config:       loop.Config{Loops: 1, Watchdog: -1},
		DrainTimeout: 50 * time.Millisecond,
		Handler: loop.OnData(func(c *loop.Conn) error {
			close(held)
			<-release
			return errors.New("over")
		}),
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	c := dial(t, addr)
	c.Write([]byte("x"))
	<-held
	cancel()
	select {
	case err := <-served:
		if !errors.Is(err, loop.ErrDrainTimeout) || !strings.Contains(err.Error(), "holds its loop") {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		t.Error("Serve waits for the handler")
	}
	close(release)
	srv.Close() // waits for the end
	testkit.GivenBack(t, srv.Group())
}
