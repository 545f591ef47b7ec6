package loop_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// holder is a session that holds its loop.
type holder struct{ in string }

func (h *holder) hold(in string) {
	if h.in == in {
		time.Sleep(300 * time.Millisecond)
	}
}

func (h *holder) Data(c *loop.Conn) error {
	h.hold("Data")
	if h.in == "Do" {
		return c.Handle().Do(h.slowFunction)
	}
	return io.ErrUnexpectedEOF
}
func (h *holder) slowFunction(c *loop.Conn) { h.hold("Do"); c.Abort() }
func (h *holder) Writable(*loop.Conn) error { return nil }
func (h *holder) Closed(*loop.Conn, error)  { h.hold("Closed") }

// With many goroutines the watchdog takes no stack, for which the world would stand still,
// and says all the same what holds the loop, and whose connection it is.
func TestWatchdogNamesTheSessionAmongManyGoroutines(t *testing.T) {
	for in, want := range map[string]string{"Data": "session=*loop_test.holder", "Do": "slowFunction", "Closed": "session=*loop_test.holder"} {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			t.Run(in+address, func(t *testing.T) {
				testkit.Leaks(t)
				end := make(chan struct{})
				defer close(end)
				for range 2000 {
					go func() { <-end }()
				}
				log := new(syncBuffer)
				srv := &loop.Server{
					Config:  loop.Config{Loops: 1, Watchdog: 50 * time.Millisecond, Logger: logTo(log)},
					Handler: openFunc(func(*loop.Conn) (loop.Session, error) { return &holder{in}, nil }),
				}
				c := dial(t, testkit.Serve(t, srv, "tcp", address))
				c.Write([]byte("x"))
				testkit.Eventually(t, "the watchdog warns", func() bool { return strings.Contains(log.String(), "holds its loop") })
				text := log.String()
				if !strings.Contains(text, want) || strings.Contains(text, "stack=") {
					t.Errorf("want %s, and no stack: %s", want, text)
				}
				if in != "Do" && !strings.Contains(text, fmt.Sprint("peer=", c.LocalAddr())) && !strings.Contains(text, fmt.Sprintf("peer=%q", c.LocalAddr())) {
					t.Errorf("want the peer %v: %s", c.LocalAddr(), text)
				}
				c.Close()
			})
		}
	}
}
