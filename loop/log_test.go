package loop_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// panicking is a handler that panics at the byte 'p', which is logged, and echoes
// everything else.
func panicking() loop.Handler {
	return loop.OnData(func(c *loop.Conn) error {
		b, err := c.Next()
		if err != nil {
			return err
		}
		if b[0] == 'p' {
			panic("as told")
		}
		_, err = c.Write(b)
		return err
	})
}

// provoke makes n connections whose handlers panic.
func provoke(t *testing.T, addr net.Addr, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("p"))
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		io.Copy(io.Discard, c)
		c.Close()
	}
}

// echoes sends bytes through the server and back.
func echoes(t *testing.T, addr net.Addr) {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	out, in := content.Stream{K: 2}, content.Stream{K: 2}
	if err := out.Send(c, 1000, func() int { return 100 }); err != nil { // no 'p' in front
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	if err := in.Receive(c); err != nil || in.Pos != 1000 {
		t.Errorf("%d of 1000 bytes came back: %v", in.Pos, err)
	}
}

// A log that nobody reads (a full pipe of stderr, and a slog.Handler that waits) holds
// no loop, and not the end of the server. What was dropped is counted.
func TestLogThatBlocksHoldsNoLoop(t *testing.T) {
	testkit.Leaks(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	full := logTo(w)
	srv := &loop.Server{Handler: panicking(), Config: loop.Config{Loops: 1, Logger: full, Watchdog: 20 * time.Millisecond}}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()

	provoke(t, addr, 600) // with its stack each is more than 1 KiB; the pipe holds 64
	hold := make(chan struct{})
	srv.Group().Loops()[0].Post(func() { <-hold }) // the watchdog logs, too
	time.Sleep(100 * time.Millisecond)
	close(hold)
	echoes(t, addr)
	if srv.Group().LogDropped() == 0 {
		t.Error("no record was counted as dropped")
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	testkit.GivenBack(t, srv.Group())
	w.Close() // ends the goroutine that is left behind
}

// Records arrive in order, the number of those that were dropped among them; a logger
// for handlers goes the same way.
func TestDroppedLogRecordsAreSaid(t *testing.T) {
	testkit.Leaks(t)
	var out bytes.Buffer // written by one goroutine, and read after its end
	gate := gated{slog.NewTextHandler(&out, nil), make(chan struct{})}
	g, err := loop.Start(loop.Config{Loops: 1, Logger: slog.New(gate)})
	if err != nil {
		t.Fatal(err)
	}
	log := g.Log().With("who", "a handler").WithGroup("in")
	const records = 1000
	for i := range records {
		log.Info("record", "n", i)
	}
	dropped := g.LogDropped()
	if dropped < records-300 || dropped >= records {
		t.Errorf("%d of %d records dropped", dropped, records)
	}
	close(gate.open)
	g.Close()
	text := out.String()
	if n := strings.Count(text, "msg=record"); n != records-int(dropped) {
		t.Errorf("%d records written, %d dropped, of %d", n, dropped, records)
	}
	if !strings.Contains(text, `who="a handler" in.n=0`) || !strings.Contains(text, "records dropped") {
		t.Errorf("%.500s", text)
	}
	g.Log().Info("after the end") // is dropped, and harmless
}

// gated is a slog.Handler that waits until it is opened.
type gated struct {
	slog.Handler
	open chan struct{}
}

func (h gated) Handle(ctx context.Context, r slog.Record) error {
	<-h.open
	return h.Handler.Handle(ctx, r)
}

func (h gated) WithAttrs(a []slog.Attr) slog.Handler { return gated{h.Handler.WithAttrs(a), h.open} }
func (h gated) WithGroup(n string) slog.Handler      { return gated{h.Handler.WithGroup(n), h.open} }

// A slog.Handler that panics or fails costs its record only.
func TestLogHandlerThatPanicsCostsItsRecordOnly(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: panicking(), Config: loop.Config{Loops: 1, Logger: slog.New(panickingLog{slog.DiscardHandler})}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	provoke(t, addr, 3)
	echoes(t, addr)
}

type panickingLog struct{ slog.Handler }

func (panickingLog) Enabled(context.Context, slog.Level) bool { return true }
func (panickingLog) Handle(context.Context, slog.Record) error {
	panic(errors.New("a log that fails"))
}
