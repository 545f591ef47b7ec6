package loop

import (
	"sync"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// Counters count what a loop has done, by the verbs of a connection's life, and
// hold a few gauges. All but the gauges only grow.
type Counters struct {
	// accept
	Accepted     uint64 // connections accepted
	AcceptErrors uint64 // accept4 failures other than EAGAIN
	AcceptPauses uint64 // times accepting was paused for want of descriptors or memory, or for MaxConns
	Dialed       uint64 // connections dialled
	DialErrors   uint64 // dials that failed

	// register
	Registered   uint64 // descriptors added to epoll
	Unregistered uint64 // and taken out
	Rejected     uint64 // Open refused, or the descriptor could not be registered

	// ready
	Turns        uint64
	Polls        uint64 // epoll waits that did not block
	Sleeps       uint64 // epoll waits that may have blocked
	Events       uint64
	StaleBatch   uint64 // events dropped: the descriptor was closed in this batch
	StaleEarlier uint64 // events dropped: closed in an earlier one
	StaleNever   uint64 // events dropped: no such registration ever
	Tasks        uint64 // posted functions run
	Timers       uint64 // timers run out
	Panics       uint64 // handlers that panicked

	// drain and pump
	Recvs        uint64 // recv calls
	Sends        uint64 // send calls
	Drains       uint64 // splice calls, socket to pipe
	Pumps        uint64 // splice calls, pipe to socket
	BytesIn      uint64 // read by handlers
	BytesOut     uint64 // written by handlers
	BytesSpliced uint64 // relayed through a pipe, delivered
	BytesCopied  uint64 // relayed through a buffer, delivered
	ToSplice     uint64 // transfers that went over to splicing
	ToCopy       uint64 // and back to copying
	SpliceDenied uint64 // splice refused: EINVAL, or no pipe within the budget
	UrgentMarks  uint64 // urgent marks crossed; the urgent byte itself is not relayed

	// finish
	Finished      uint64 // connections that ended in order
	Resets        uint64 // connections that were reset by us
	BytesStranded uint64 // drained, or written, and never delivered

	// Gauges: as of the last publication.
	Conns       int // connections that are registered
	Relays      int // relays under way
	InFlight    int // bytes in pipes, copy buffers and write queues that wait for a sink
	Pipes       pool.PipeStats
	Buffers     int // copy buffers lent out
	TimersArmed int

	// CPU is the time that the loop's thread has used, in ns, if Config.LockThreads
	// is set; measured at most every 10 ms. 0 otherwise.
	CPU int64
}

// Calls is the number of system calls that moved bytes or waited for them.
func (c Counters) Calls() uint64 {
	return c.Recvs + c.Sends + c.Drains + c.Pumps + c.Polls + c.Sleeps
}

// Add adds o to c, gauges included.
func (c *Counters) Add(o *Counters) {
	for _, f := range c.fields(o) {
		*f[0] += *f[1]
	}
	c.Conns += o.Conns
	c.Relays += o.Relays
	c.InFlight += o.InFlight
	c.Buffers += o.Buffers
	c.TimersArmed += o.TimersArmed
	c.CPU += o.CPU
	c.Pipes.Leased += o.Pipes.Leased
	c.Pipes.Stock += o.Pipes.Stock
}

func (c *Counters) fields(o *Counters) [][2]*uint64 {
	return [][2]*uint64{
		{&c.Accepted, &o.Accepted}, {&c.AcceptErrors, &o.AcceptErrors}, {&c.AcceptPauses, &o.AcceptPauses},
		{&c.Dialed, &o.Dialed}, {&c.DialErrors, &o.DialErrors},
		{&c.Registered, &o.Registered}, {&c.Unregistered, &o.Unregistered}, {&c.Rejected, &o.Rejected},
		{&c.Turns, &o.Turns}, {&c.Polls, &o.Polls}, {&c.Sleeps, &o.Sleeps}, {&c.Events, &o.Events},
		{&c.StaleBatch, &o.StaleBatch}, {&c.StaleEarlier, &o.StaleEarlier}, {&c.StaleNever, &o.StaleNever},
		{&c.Tasks, &o.Tasks}, {&c.Timers, &o.Timers}, {&c.Panics, &o.Panics},
		{&c.Recvs, &o.Recvs}, {&c.Sends, &o.Sends}, {&c.Drains, &o.Drains}, {&c.Pumps, &o.Pumps},
		{&c.BytesIn, &o.BytesIn}, {&c.BytesOut, &o.BytesOut},
		{&c.BytesSpliced, &o.BytesSpliced}, {&c.BytesCopied, &o.BytesCopied},
		{&c.ToSplice, &o.ToSplice}, {&c.ToCopy, &o.ToCopy}, {&c.SpliceDenied, &o.SpliceDenied}, {&c.UrgentMarks, &o.UrgentMarks},
		{&c.Finished, &o.Finished}, {&c.Resets, &o.Resets}, {&c.BytesStranded, &o.BytesStranded},
		{&c.Pipes.Created, &o.Pipes.Created}, {&c.Pipes.Destroyed, &o.Pipes.Destroyed},
		{&c.Pipes.Dirty, &o.Pipes.Dirty}, {&c.Pipes.Refused, &o.Pipes.Refused},
	}
}

// published is the copy of a loop's counters that other goroutines may read. The
// loop counts in plain words, which cost nothing, and publishes a copy before it
// sleeps and every publishTurns turns.
type published struct {
	mu sync.Mutex
	c  Counters // guarded by mu
}

const publishTurns = 64

func (l *Loop) publish() {
	c := &l.count
	c.Pipes = l.pipes.Stats()
	c.Buffers = l.buffers.Leased()
	c.TimersArmed = len(l.timers)
	if l.group.config.LockThreads && l.now-l.cpuRead > int64(10*time.Millisecond) {
		c.CPU, _ = sys.ThreadCPU()
		l.cpuRead = l.now
	}
	l.published.mu.Lock()
	l.published.c = *c
	l.published.mu.Unlock()
}

// Counters answers the loop's counters without stopping it: up to 64 turns old
// while it is busy, exact while it sleeps. Any goroutine may call it.
func (l *Loop) Counters() Counters {
	l.published.mu.Lock()
	defer l.published.mu.Unlock()
	return l.published.c
}

// Count is where a task that runs on the loop counts. Only the loop's goroutine
// may use it.
func (l *Loop) Count() *Counters { return &l.count }
