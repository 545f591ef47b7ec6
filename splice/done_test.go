package splice_test

import (
	"errors"
	"net"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A callback that cuts a relay is not interrupted by the relay's Done.
func TestDoneComesAfterTheCallbackThatCutTheRelay(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	inside, done := false, make(chan error, 1)
	handles := make(chan loop.Handle, 1)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			handles <- c.Handle()
			return splice.Relay(c, up, &splice.Options{Done: func(r splice.Result) {
				if inside {
					r.Err = errors.New("Done was called within the callback")
				}
				done <- r.Err
			}})
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	c, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h := <-handles
	h.Do(func(c *loop.Conn) {
		inside = true
		c.Abort()
		inside = false
	})
	if err := <-done; err != net.ErrClosed {
		t.Error(err)
	}
}
