package soak

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Linux can deadlock a TCP connection, and the soak must tell that from a server that
// hangs. It was seen on echoes with an urgent byte, of Penstock and of Go's net alike:
//
//   - The server does not read, as its own send buffer is full. Its receive buffer is
//     over-full, so that it drops the client's urgent byte and sets its window to zero
//     (tcp_select_window: ICSK_ACK_NOMEM).
//   - The client has that one byte unacknowledged beyond the window. All its
//     acknowledgements carry the sequence number behind the byte, as long as that is
//     beyond the window by less than the client's unit of window scaling
//     (tcp_acceptable_seq). Any other segment that is so short does the same.
//   - The server drops them as beyond its window, and with them the news that the
//     client's window is open (tcp_sequence; TcpExtBeyondWindow counts them).
//
// The server never sends again, and the client retransmits the byte, both slower and
// slower. Neither program can have left something undone: the client has read
// everything, and the server's socket is not writable.

// A socketState is what ss -tnoim says of a socket.
type socketState struct {
	local, peer    int // ports
	recvQ, sendQ   int
	timer          string // "on" retransmits, "persist" probes a shut window
	backoff        int
	unacked        int // segments
	received       int // bytes, ever
	rmem, rcvbuf   int // memory of the receive queue, and its bound
	queued, sndbuf int // memory of the send queue, and its bound
}

var (
	addresses = regexp.MustCompile(`^\S+ +(\d+) +(\d+) +\S+:(\d+) +\S+:(\d+)`)
	timerName = regexp.MustCompile(`timer:\((\w+),`)
	memory    = regexp.MustCompile(`skmem:\(r(\d+),rb(\d+),t\d+,tb(\d+),f\d+,w(\d+),`)
	figures   = regexp.MustCompile(`\b(backoff|unacked|bytes_received):(\d+)`)
)

// readSockets reads the output of ss -Htnoim: two lines for each socket, of which
// the second begins with a space.
func readSockets(text string) (all []socketState, err error) {
	for line := range strings.Lines(text) {
		if m := addresses.FindStringSubmatch(line); m != nil {
			n := numbers(m[1:])
			all = append(all, socketState{recvQ: n[0], sendQ: n[1], local: n[2], peer: n[3]})
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("soak: ss says %q", line)
		}
		s := &all[len(all)-1]
		if m := timerName.FindStringSubmatch(line); m != nil {
			s.timer = m[1]
		}
		if m := memory.FindStringSubmatch(line); m != nil {
			n := numbers(m[1:])
			s.rmem, s.rcvbuf, s.sndbuf, s.queued = n[0], n[1], n[2], n[3]
		}
		for _, m := range figures.FindAllStringSubmatch(line, -1) {
			n := numbers(m[2:])[0]
			switch m[1] {
			case "backoff":
				s.backoff = n
			case "unacked":
				s.unacked = n
			case "bytes_received":
				s.received = n
			}
		}
	}
	return all, nil
}

// numbers converts strings of digits.
func numbers(digits []string) (n []int) {
	for _, d := range digits {
		v, _ := strconv.Atoi(d)
		n = append(n, v)
	}
	return n
}

// minBackoff is how often each side's timer must have run out in vain: 3 s.
const minBackoff = 3

// deadlocked reports whether the two ends of a connection are in the state described
// above. Each condition excludes a program that has left something undone.
func deadlocked(client, server socketState) bool {
	return client.recvQ == 0 && // it has read everything: its window is open
		client.timer == "on" && client.unacked > 0 && client.backoff >= minBackoff &&
		server.rmem > server.rcvbuf && // over-full: it drops what comes, and its window is shut
		server.sendQ > 0 && server.backoff >= minBackoff && (server.timer == "persist" || server.timer == "on") &&
		3*server.queued > 2*server.sndbuf // not writable (sk_stream_is_writeable): it need not have read
}

// A deadlock is a connection that was seen in that state more than once, without a
// byte between, while the server's kernel counted segments beyond a window.
type deadlock struct {
	port        int // the client's
	first, last time.Time
	beyond      int // counted between
	client      socketState
	server      socketState
}

// A snapshot is all echo connections at one moment.
type snapshot struct {
	at               time.Time
	clients, servers []socketState
	beyond           int // TcpExtBeyondWindow where the servers are
}

// deadlocks are those that are under way, and those that have been, by their first
// moment: a port has several connections in a run.
type deadlocks struct {
	open map[int]*openDeadlock // by the client's port
	all  []*deadlock
}

type openDeadlock struct {
	*deadlock
	atFirst int // the counter
}

// add takes in a snapshot.
func (d *deadlocks) add(s snapshot) {
	servers := map[int]socketState{}
	for _, server := range s.servers {
		servers[server.peer] = server
	}
	was := d.open
	d.open = map[int]*openDeadlock{}
	for _, client := range s.clients {
		server, ok := servers[client.local]
		if !ok || !deadlocked(client, server) {
			continue
		}
		o := was[client.local]
		if o == nil || o.client.received != client.received || o.server.received != server.received {
			o = &openDeadlock{&deadlock{port: client.local, first: s.at}, s.beyond}
			d.all = append(d.all, o.deadlock)
		}
		o.last, o.client, o.server, o.beyond = s.at, client, server, s.beyond-o.atFirst
		d.open[client.local] = o
	}
}

// explains returns the deadlock that a silence of a client is put down to, or nil: it
// stood for at least half of the patience, up to the end of the record.
func (d *deadlocks) explains(r *record, patience time.Duration) *deadlock {
	end := time.Unix(0, r.End)
	for _, k := range d.all {
		if k.port == r.Port && k.beyond > 0 && k.first.UnixNano() > r.Start && !k.last.After(end) &&
			k.last.Sub(k.first) >= patience/2 && end.Sub(k.last) <= 3*watchEvery {
			return k
		}
	}
	return nil
}

func (k *deadlock) String() string {
	return fmt.Sprintf("port %d: %.0f s, client: %d segments unacknowledged, backoff %d; server: receive queue %d of %d, %d bytes to send, timer %s, backoff %d; %d segments beyond a window",
		k.port, k.last.Sub(k.first).Seconds(), k.client.unacked, k.client.backoff,
		k.server.rmem, k.server.rcvbuf, k.server.sendQ, k.server.timer, k.server.backoff, k.beyond)
}
