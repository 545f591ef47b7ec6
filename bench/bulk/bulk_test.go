package bulk_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/bulk"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// A client is the owner of one stream, which it halts when so much has moved in each
// direction that it has. Its fields are the loop's until ended is told.
type client struct {
	sent, received, verified int
	direction                string
	enough                   int
	s                        *bulk.Stream
	ended                    chan error
}

func (c *client) Moved(sent, received, verified int) {
	c.sent, c.received, c.verified = c.sent+sent, c.received+received, c.verified+verified
	if (c.sent >= c.enough || c.direction == plan.Down) && (c.received >= c.enough || c.direction == plan.Up) {
		c.s.Halt()
	}
}

func (c *client) Ended(_ *bulk.Stream, err error) { c.ended <- err }

// run runs a stream to a server at an address until enough bytes have moved.
func run(t *testing.T, network, address string, cfg bulk.Config, enough int) (*client, error) {
	t.Helper()
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{direction: cfg.Direction, enough: enough, ended: make(chan error, 1)}
	l := g.Loops()[0]
	l.Post(func() {
		d := new(loop.Dialer)
		err := d.Dial(l, network, address, func(conn *loop.Conn, err error) error {
			if err == nil {
				c.s = bulk.Client(conn, cfg, c)
				err = c.s.Begin()
			}
			if err != nil {
				c.ended <- err
			}
			return err
		})
		if err != nil {
			c.ended <- err
		}
	})
	select {
	case err = <-c.ended:
	case <-time.After(20 * time.Second):
		t.Error("the stream does not end")
	}
	g.Close()
	testkit.GivenBack(t, g)
	return c, err
}

func startServer(t *testing.T, kind serve.Kind, network string) plan.Target {
	t.Helper()
	at := plan.Target{}
	if network == "unix" {
		at = plan.Target{Network: "unix", Address: fmt.Sprint("@penstock-bench-bulk-test-", os.Getpid())}
	}
	s, err := serve.Start(kind, at, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		testkit.Eventually(t, "the server's connections end", func() bool { return s.Counters().Conns == 0 })
		s.Close()
	})
	return s.Addr()
}

var directions = []string{plan.Up, plan.Down, plan.Both}

// Every byte of a verified stream is accounted for, in either direction, whatever the
// size of the writes, and the sums are right.
func TestEveryByteIsVerified(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, direction := range directions {
			for _, size := range []int{100, 8 << 10, 8<<10 + 1, 128 << 10, 3 << 20} {
				t.Run(fmt.Sprintf("%s/%s/%d", network, direction, size), func(t *testing.T) {
					testkit.Leaks(t)
					at := startServer(t, serve.Sink, network)
					enough := min(size*1000, 8<<20)
					c, err := run(t, at.Network, at.Address, bulk.Config{Direction: direction, Size: size, Verify: true, K: 7}, enough)
					if err != nil {
						t.Fatal(err)
					}
					if c.verified != c.sent+c.received || c.sent+c.received < enough {
						t.Errorf("%d bytes verified, %d sent, %d received", c.verified, c.sent, c.received)
					}
					if (c.sent > 0) != (direction != plan.Down) || (c.received > 0) != (direction != plan.Up) {
						t.Errorf("%d bytes sent, %d received", c.sent, c.received)
					}
				})
			}
		}
	}
}

// While a stream goes on its owner learns what has been verified so far.
func TestWhatIsSentIsReportedAsVerifiedOnTheWay(t *testing.T) {
	testkit.Leaks(t)
	at := startServer(t, serve.Sink, "tcp")
	p := newPair(t, at.Address, bulk.Config{Direction: plan.Up, Size: 100_000, Verify: true})
	defer p.close()
	for p.look(func(c *client) int { return c.verified }) == 0 {
		time.Sleep(time.Millisecond)
	}
	p.halt()
	if err := <-p.c.ended; err != nil {
		t.Error(err)
	}
}

// flows are the ways to send and to receive.
var flows = map[string]struct {
	cfg  bulk.Config
	kind serve.Kind
}{
	"verified":   {bulk.Config{Direction: plan.Both, Size: 100_000, Verify: true}, serve.Sink},
	"plain up":   {bulk.Config{Direction: plan.Up, Size: 100_000}, serve.Sink},
	"plain down": {bulk.Config{Direction: plan.Down, Size: 100_000}, serve.LightSource},
	"light up":   {bulk.Config{Direction: plan.Up, Size: 100_000, Light: new(bulk.Light)}, serve.LightSink},
	"light down": {bulk.Config{Direction: plan.Down, Size: 100_000, Light: new(bulk.Light)}, serve.LightSource},
}

// However fast a stream is, the loop comes to its other work in between.
func TestAVisitMovesNoMoreThanItsBudget(t *testing.T) {
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			p := newPair(t, startServer(t, f.kind, "tcp").Address, f.cfg)
			defer p.close()
			moved := 0
			for moved < 20<<20 {
				time.Sleep(time.Millisecond) // each look can be a turn, too, in which nothing moves
				p.do(func(*loop.Loop) { moved = p.c.sent + p.c.received })
			}
			p.halt()
			<-p.c.ended
			p.close()
			turns := p.g.Counters().Turns
			if most := turns * 600_000; uint64(moved) > most {
				t.Errorf("%d bytes in %d turns", moved, turns)
			}
		})
	}
}

// A stream whose peer neither reads nor writes waits, and does not try again and again.
func TestAStalledStreamDoesNotSpin(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			p := newPair(t, l.Addr().String(), f.cfg)
			defer p.close()
			before := -1
			testkit.Eventually(t, "the stream stalls", func() bool {
				time.Sleep(20 * time.Millisecond)
				now := p.look(func(c *client) int { return c.sent })
				same := now == before
				before = now
				return same
			})
			turns := p.g.Counters().Turns
			time.Sleep(50 * time.Millisecond)
			p.do(func(*loop.Loop) {}) // whose turn tells the others
			if n := p.g.Counters().Turns - turns; n > 20 {
				t.Errorf("%d turns with nothing to do", n)
			}
		})
	}
}

func TestPlainAndLightStreamsGoToWhoeverReadsAndWrites(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, c := range []struct {
			direction string
			kind      serve.Kind
			light     bool
		}{
			{plan.Up, serve.Sink, false}, {plan.Up, serve.LightSink, true}, {plan.Up, serve.Sink, true}, {plan.Up, serve.LightSink, false},
			{plan.Down, serve.LightSource, false}, {plan.Down, serve.LightSource, true},
			{plan.Both, serve.LightSource, true}, {plan.Both, serve.Echo, true}, {plan.Both, serve.Echo, false},
		} {
			t.Run(fmt.Sprintf("%s/%s/%s/light %v", network, c.direction, c.kind, c.light), func(t *testing.T) {
				testkit.Leaks(t)
				at := startServer(t, c.kind, network)
				cfg := bulk.Config{Direction: c.direction, Size: 100_000}
				if c.light {
					cfg.Light = new(bulk.Light)
				}
				got, err := run(t, at.Network, at.Address, cfg, 10<<20)
				if err != nil {
					t.Fatal(err)
				}
				if got.verified != 0 || got.sent+got.received < 10<<20 {
					t.Errorf("%d bytes sent, %d received, %d verified", got.sent, got.received, got.verified)
				}
			})
		}
	}
}

// A stream that verifies meets an other end that does not, and says what to do.
func TestAnOtherEndThatGivesNoAccountIsFound(t *testing.T) {
	for _, c := range []struct {
		direction string
		kind      serve.Kind
		want      string
	}{
		{plan.Up, serve.LightSink, "--no-verify"},
		{plan.Up, serve.Echo, "wrong byte"},
		{plan.Down, serve.LightSource, "wrong byte"},
		{plan.Both, serve.LightSource, "wrong byte"},
	} {
		t.Run(c.direction+"/"+string(c.kind), func(t *testing.T) {
			testkit.Leaks(t)
			at := startServer(t, c.kind, "tcp")
			_, err := run(t, at.Network, at.Address, bulk.Config{Direction: c.direction, Size: 100_000, Verify: true}, 1<<20)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Whatever a peer does to one byte, in either direction, is found.
func TestATroubledByteIsFound(t *testing.T) {
	for name, trouble := range troubles {
		for _, direction := range directions {
			for _, upward := range []bool{true, false} {
				for _, at := range []int{3, 30, 50_003, 2_000_000} {
					if at > 50 && direction != plan.Both && upward != (direction == plan.Up) {
						continue // so many bytes do not go that way
					}
					t.Run(fmt.Sprintf("%s/%s/upward %v/%d", name, direction, upward, at), func(t *testing.T) {
						testkit.Leaks(t)
						server := startServer(t, serve.Source, "tcp")
						m := newMiddle(t, server.Address, upward, &meddler{at: at, trouble: trouble})
						defer m.close()
						_, err := run(t, "tcp", m.address(), bulk.Config{Direction: direction, Size: 60_000, Verify: true, K: 9}, 4<<20)
						if err == nil {
							t.Error("nobody noticed")
						}
					})
				}
			}
		}
	}
}

// The relay of the tests, with no trouble, is one that streams pass.
func TestAHealthyMiddleIsNotBlamed(t *testing.T) {
	for _, direction := range directions {
		testkit.Leaks(t)
		server := startServer(t, serve.Sink, "tcp")
		m := newMiddle(t, server.Address, true, &meddler{at: 1 << 40})
		c, err := run(t, "tcp", m.address(), bulk.Config{Direction: direction, Size: 60_000, Verify: true, K: 9}, 4<<20)
		m.close()
		if err != nil || c.verified != c.sent+c.received {
			t.Errorf("%s: %d verified of %d; %v", direction, c.verified, c.sent+c.received, err)
		}
	}
}

// An end that is cut short looks like an end, and is none.
func TestAnEarlyEndIsFound(t *testing.T) {
	for _, direction := range directions {
		for _, upward := range []bool{true, false} {
			for _, at := range []int{0, 10, 100, 1_000_000} {
				if at > 50 && direction != plan.Both && upward != (direction == plan.Up) {
					continue
				}
				t.Run(fmt.Sprintf("%s/upward %v/%d", direction, upward, at), func(t *testing.T) {
					testkit.Leaks(t)
					server := startServer(t, serve.Sink, "tcp")
					m := newMiddle(t, server.Address, upward, &meddler{at: at, trouble: func([]byte) []byte { return nil }, cut: true})
					defer m.close()
					if _, err := run(t, "tcp", m.address(), bulk.Config{Direction: direction, Size: 60_000, Verify: true}, 4<<20); err == nil {
						t.Error("nobody noticed")
					}
				})
			}
		}
	}
}

// An end that has lost bytes, or says that it has got what was never sent, or a frame
// of which was lost on the way, is not believed.
func TestAFalseAccountIsFound(t *testing.T) {
	for _, c := range []struct {
		account func(received uint64) []byte
		want    string
	}{
		{func(n uint64) []byte { return bulk.Account(n-bulk.Overhead, 0) }, ""},
		{func(n uint64) []byte { return bulk.Account(n-bulk.Overhead-1, 0) }, "bytes lost"},
		{func(n uint64) []byte { return bulk.Account(n-bulk.Overhead+1, 0) }, "cannot be"},
		{func(n uint64) []byte { return bulk.Account(n-bulk.Overhead, 36) }, "came at byte"},
		{func(n uint64) []byte {
			return append(bulk.Account(n-bulk.Overhead, 0), bulk.Account(n-bulk.Overhead, 36)...)
		}, "after the end"},
		{func(uint64) []byte { return nil }, "without an account"},
	} {
		testkit.Leaks(t)
		at := receive(t, c.account)
		_, err := run(t, "tcp", at, bulk.Config{Direction: plan.Up, Size: 60_000, Verify: true}, 4<<20)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// receive takes one connection to its end, and answers with what an account makes of
// the number of its bytes.
func receive(t *testing.T, account func(uint64) []byte) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, c)
		c.Write(account(uint64(n)))
		c.Close()
	}()
	return l.Addr().String()
}
