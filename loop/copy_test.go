package loop_test

import (
	"net"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// copier copies what it reads to a connection that it dials, which stays parked.
type copier struct {
	up     *loop.Conn
	copied chan error // what CopyTo returned, if an error
}

func (s *copier) Data(c *loop.Conn) error {
	if s.up == nil {
		return nil
	}
	_, err := c.CopyTo(s.up)
	if err != nil {
		s.copied <- err
	}
	return err
}
func (s *copier) Writable(*loop.Conn) error { return nil }
func (s *copier) Closed(*loop.Conn, error) {
	if s.up != nil {
		s.up.Abort()
	}
}

// A source that copies to a parked sink learns of the sink's end, however it comes, also
// when it has nothing more to read itself.
func TestSourceLearnsThatItsSinkHasFailed(t *testing.T) {
	for _, how := range []string{"reset by its peer", "aborted here"} {
		t.Run(how, func(t *testing.T) {
			testkit.Leaks(t)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			s := &copier{copied: make(chan error, 100)}
			srv := &loop.Server{
				Config: loop.Config{Loops: 1},
				Handler: opens(func(c *loop.Conn) (loop.Session, error) {
					return s, c.Dial("tcp", ln.Addr().String(), func(up *loop.Conn, err error) error {
						s.up = up
						c.Resume() // what waits is read
						return err
					})
				}),
			}
			client := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
			defer client.Close()
			backend, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			for range 512 { // until the queue is above its mark
				client.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				if _, err := client.Write(make([]byte, 64<<10)); err != nil {
					break
				}
			}
			testkit.Eventually(t, "the queue is above its mark", func() bool { return srv.Group().Counters().InFlight > 256<<10 })
			if how == "aborted here" {
				srv.Group().Loops()[0].Post(func() { s.up.Abort() })
			} else {
				backend.(*net.TCPConn).SetLinger(0)
				backend.Close()
			}
			select {
			case err := <-s.copied:
				t.Log(err)
			case <-time.After(10 * time.Second):
				t.Error("the source was not told")
			}
			backend.Close()
			testkit.Eventually(t, "nothing is in flight", func() bool {
				c := srv.Group().Counters()
				return c.InFlight == 0 && c.Conns == 0
			})
		})
	}
}
