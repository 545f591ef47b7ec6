package soak

import (
	"errors"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// What ss said of a deadlocked echo: the client, and the server.
const (
	stuckClient = `ESTAB 0      1       10.0.1.1:48660 10.0.1.2:7004 timer:(on,728ms,0)
	 skmem:(r0,rb131072,t0,tb3939840,f3263,w833,o0,bl0,d4) ts sack bbr wscale:10,1 rto:1632 backoff:3 rtt:0.629/1.253 bytes_sent:21005 bytes_acked:20001 bytes_received:127575 unacked:1 retrans:1/5 lost:1
`
	stuckServer = `ESTAB 20000  4146551 10.0.1.2:7004 10.0.1.1:48660 timer:(persist,408ms,2)
	 skmem:(r23328,rb4608,t0,tb4194304,f1193,w4218935,o0,bl0,d9) ts sack bbr wscale:1,10 rto:208 backoff:3 bytes_sent:174988 bytes_acked:127575 bytes_received:20000 notsent:4146551
`
)

func sockets(t *testing.T, text string) []socketState {
	t.Helper()
	all, err := readSockets(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSocketsAreReadFromWhatTheToolPrints(t *testing.T) {
	all := sockets(t, stuckClient+stuckServer)
	want := []socketState{
		{local: 48660, peer: 7004, sendQ: 1, timer: "on", backoff: 3, unacked: 1, received: 127575, rcvbuf: 131072, queued: 833, sndbuf: 3939840},
		{local: 7004, peer: 48660, recvQ: 20000, sendQ: 4146551, timer: "persist", backoff: 3, received: 20000, rmem: 23328, rcvbuf: 4608, queued: 4218935, sndbuf: 4194304},
	}
	if len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("%+v\nwant %+v", all, want)
	}
	if _, err := readSockets("\t no address"); err == nil {
		t.Error("a line without a socket is taken")
	}
}

// The state is taken for a deadlock of the kernel only if each of its conditions holds.
func TestADeadlockHasAllItsSigns(t *testing.T) {
	both := sockets(t, stuckClient+stuckServer)
	if !deadlocked(both[0], both[1]) {
		t.Error("a deadlock is not recognized")
	}
	for what, change := range map[string]func(c, s *socketState){
		"the client has not read everything":           func(c, _ *socketState) { c.recvQ = 1 },
		"the client has nothing unacknowledged":        func(c, _ *socketState) { c.unacked = 0 },
		"the client probes a shut window":              func(c, _ *socketState) { c.timer = "persist" },
		"the client has only begun to retransmit":      func(c, _ *socketState) { c.backoff = minBackoff - 1 },
		"the server has room: its program may be slow": func(_, s *socketState) { s.rmem = s.rcvbuf },
		"the server has nothing to send":               func(_, s *socketState) { s.sendQ = 0 },
		"the server is not waiting":                    func(_, s *socketState) { s.timer = "" },
		"the server keeps its connection alive":        func(_, s *socketState) { s.timer = "keepalive" },
		"the server has only begun to probe":           func(_, s *socketState) { s.backoff = minBackoff - 1 },
		"the server is writable, and does not write":   func(_, s *socketState) { s.queued = s.sndbuf / 2 },
	} {
		c, s := both[0], both[1]
		if change(&c, &s); deadlocked(c, s) {
			t.Error("taken for a deadlock:", what)
		}
	}
}

// seen makes snapshots of the stuck connection, one each watchEvery, and returns what
// the record of the client is put down to.
func seen(t *testing.T, n int, change func(i int, s *snapshot)) *deadlock {
	t.Helper()
	begin := time.Now()
	var d deadlocks
	for i := range n {
		s := snapshot{
			at: begin.Add(time.Duration(i+1) * watchEvery), beyond: 100 + i,
			clients: sockets(t, stuckClient), servers: sockets(t, stuckServer),
		}
		change(i, &s)
		d.add(s)
	}
	end := begin.Add(time.Duration(n+1) * watchEvery)
	return d.explains(&record{Port: 48660, Start: begin.UnixNano(), End: end.UnixNano()}, time.Minute)
}

func TestADeadlockExplainsASilence(t *testing.T) {
	nothing := func(int, *snapshot) {}
	if seen(t, 11, nothing) == nil {
		t.Error("50 s of a deadlock explain nothing")
	}
	for what, c := range map[string]struct {
		n      int
		change func(int, *snapshot)
	}{
		"for too short a time":          {5, nothing},
		"no segment was dropped":        {11, func(_ int, s *snapshot) { s.beyond = 100 }},
		"of another connection":         {11, func(_ int, s *snapshot) { s.clients[0].local++; s.servers[0].peer++ }},
		"the server's end is not there": {11, func(_ int, s *snapshot) { s.servers = nil }},
		"bytes arrived":                 {11, func(i int, s *snapshot) { s.clients[0].received += i }},
		"it ended before the silence":   {11, func(i int, s *snapshot) { s.clients[0].recvQ = i / 7 }},
		"not from then on":              {11, func(i int, s *snapshot) { s.clients[0].recvQ = 1 - min(i/7, 1) }},
	} {
		if k := seen(t, c.n, c.change); k != nil {
			t.Errorf("%s: explained by %v", what, k)
		}
	}
}

// The oracle excuses a deadlocked echo, and nothing else.
func TestOnlyADeadlockExcusesAHang(t *testing.T) {
	find := func(seed uint64, ok func(*plan) bool) uint64 {
		for k := uint64(1); ; k++ {
			if p := planOf(seed, k); ok(p) {
				return k
			}
		}
	}
	const seed = 1
	echoed := find(seed, func(p *plan) bool { return p.service == echo })
	relayed := find(seed, func(p *plan) bool { return p.service == auto })
	begin := time.Now()
	k := &deadlock{port: 4000, first: begin.Add(5 * time.Second), last: begin.Add(60 * time.Second), beyond: 7}
	for name, c := range map[string]struct {
		k       uint64
		port    int
		excused int
		hangs   uint64
	}{
		"a deadlocked echo":  {k: echoed, port: 4000, excused: 1},
		"an echo that hangs": {k: echoed, port: 4001, hangs: 1},
		"a relay":            {k: relayed, port: 4000, hangs: 1},
	} {
		o := oracle{seed: seed, patience: time.Minute, deadlocks: deadlocks{all: []*deadlock{k}}}
		o.judge([]*record{{K: c.k, Port: c.port, Start: begin.UnixNano(), End: begin.Add(62 * time.Second).UnixNano(), Read: silent, Write: silent}}, nil)
		if len(o.deadlocked) != c.excused || o.hangs != c.hangs {
			t.Errorf("%s: %d excused, %d hangs; want %d, %d", name, len(o.deadlocked), o.hangs, c.excused, c.hangs)
		}
	}
}

// Deadlocks are made on a real kernel, with a server of Go's net that writes and does
// not read, and are recognized. A segment that is longer than any unit of window
// scaling, 16,384 bytes, makes none.
func TestTheKernelDeadlocksOnAnUrgentByte(t *testing.T) {
	needLinux(t)
	if _, err := exec.LookPath("ss"); err != nil {
		t.Skip("ss is not installed: ", err)
	}
	for name, c := range map[string]struct {
		send func(*net.TCPConn) error
		want bool
	}{
		"an urgent byte": {sendUrgent, true},
		"20,000 bytes":   {func(c *net.TCPConn) error { _, err := c.Write(make([]byte, 20000)); return err }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, received := overfill(t, c.send)
			for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(500 * time.Millisecond) {
				s, err := look(nil, nil, port)
				switch {
				case err != nil:
					t.Fatal(err)
				case len(s.clients) == 1 && len(s.servers) == 1 && deadlocked(s.clients[0], s.servers[0]):
					if !c.want || s.beyond == 0 {
						t.Errorf("deadlocked, %d segments beyond a window\n%+v\n%+v", s.beyond, s.clients, s.servers)
					}
					return
				case received.Load() > 16<<20: // more than waited anywhere
					if c.want {
						t.Skip("this kernel has no such deadlock")
					}
					return
				case time.Now().After(deadline):
					t.Fatalf("neither deadlocked nor moving\n%+v\n%+v", s.clients, s.servers)
				}
			}
		})
	}
}

// overfill fills both directions of a connection, has the client send into the
// over-full receive buffer of the server, and then read everything. It returns the
// server's port, and what the client has read. The connection ends with the test.
func overfill(t *testing.T, send func(*net.TCPConn) error) (port string, received *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialled, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	c, server := dialled.(*net.TCPConn), accepted.(*net.TCPConn)
	go io.Copy(server, zeros{}) // until it blocks, and again when it can
	c.Write(make([]byte, 20000))
	port = strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	waitFor(t, port, "the server has filled its send buffer", func(c, s socketState) bool {
		return s.recvQ == 20000 && s.timer == "persist"
	})
	if err := errors.Join(server.SetReadBuffer(1), send(c)); err != nil { // the minimum is less than what waits
		t.Fatal(err)
	}
	waitFor(t, port, "the client has sent again what was dropped", func(c, s socketState) bool {
		return c.timer == "on" && c.backoff > 0
	})
	received = new(atomic.Int64)
	go func() {
		buf := make([]byte, 1<<20)
		for {
			n, err := c.Read(buf)
			received.Add(int64(n))
			if err != nil {
				return
			}
		}
	}()
	return port, received
}

func waitFor(t *testing.T, port, what string, ok func(client, server socketState) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		s, err := look(nil, nil, port)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.clients) == 1 && len(s.servers) == 1 && ok(s.clients[0], s.servers[0]) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s\n%+v\n%+v", what, s.clients, s.servers)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
