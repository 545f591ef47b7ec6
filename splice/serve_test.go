package splice_test

import (
	"context"
	"net"
	"testing"

	"github.com/penstock/penstock/loop"
)

// running is a server whose end the test itself brings about.
type running struct {
	addr net.Addr
	err  chan error
}

func serve(t *testing.T, srv *loop.Server) (running, context.CancelFunc) {
	t.Helper()
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := running{addr, make(chan error, 1)}
	go func() { run.err <- srv.Serve(ctx) }()
	return run, cancel
}
