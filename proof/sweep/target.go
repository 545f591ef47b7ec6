package sweep

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// targetEnv holds the plan of a process that is a target.
const targetEnv = "PENSTOCK_SWEEP_TARGET"

// A plan is what a target is to serve.
type plan struct {
	// Routes say what to do with a connection, by the last byte of the address
	// that the client has dialled: 127.0.0.<route>.
	Routes  map[byte]route
	Patient bool   // short timeouts
	Planted string // a fault of its own
	Buffer  int    // fd.Options.SendBuffer
}

type route struct {
	Mode    string // splice, auto, copy: relayed; echo; push
	Backend string
}

// An outcome is what a target tells when it ends.
type outcome struct {
	Error      string // why it did not serve
	Drained    string // what Serve answered
	Turns      uint64
	Unreturned []string // what the group has not given back
	Leaked     []string // descriptors
}

// idleTimeout ends what a false EAGAIN stopped, in a patient target.
const idleTimeout = 300 * time.Millisecond

// A target is the process into which faults are injected. It has three threads
// that make calls of the runtime, each to be traced by itself: the loop's; the
// caller's, who makes and ends the server; and the poster's, who uses handles. To
// keep them clean everything else is done by other threads.
type target struct {
	plan   plan
	srv    *loop.Server
	stdin  *bufio.Reader
	caller chan func()
	poster chan func()
	dialer loop.Dialer
	relays map[string]*splice.Options
}

// isTarget says that this process was started as one.
func isTarget() bool { return os.Getenv(targetEnv) != "" }

// runTarget is the main function of a target.
func runTarget() {
	t := &target{stdin: bufio.NewReader(os.Stdin), caller: make(chan func()), poster: make(chan func(), 16)}
	if err := json.Unmarshal([]byte(os.Getenv(targetEnv)), &t.plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	time.Sleep(time.Millisecond) // the runtime's own poller is made for the first timer
	fmt.Printf("caller %s poster %s %s %s\n", lockedThread(t.caller), lockedThread(t.poster), goWake, eventfd())
	t.await()
	before, goroutines := descriptors(), runtime.NumGoroutine()
	var o outcome
	t.serve(&o)
	t.check(&o, before, goroutines)
	text, _ := json.Marshal(o)
	fmt.Printf("outcome %s\n", text)
}

// lockedThread runs functions on a thread of its own, and answers its id.
func lockedThread(work chan func()) (id string) {
	tid := make(chan string)
	go func() {
		runtime.LockOSThread()
		tid <- threadID()
		for f := range work {
			f()
		}
	}()
	return <-tid
}

// eventfd is the number of the eventfd that there is before one of ours is.
func eventfd() string {
	for num, what := range descriptors() {
		if what == "anon_inode:[eventfd]" {
			return num
		}
	}
	return "none"
}

// threadID is the id of the calling thread, as the last part of proc_thread-self(5).
func threadID() string {
	link, _ := os.Readlink("/proc/thread-self")
	return link[strings.LastIndexByte(link, '/')+1:]
}

// await waits for the harness: a line to go on, or the end of the input to stop.
func (t *target) await() (goOn bool) {
	_, err := t.stdin.ReadString('\n')
	return err == nil
}

// serve listens, serves until the harness says stop, and drains.
func (t *target) serve(o *outcome) {
	t.srv = &loop.Server{
		Handler: loop.OnOpen(t.open),
		Config: loop.Config{Loops: 1, LockThreads: true, Watchdog: -1,
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil))},
		Socket:       fd.Options{SendBuffer: t.plan.Buffer},
		DrainTimeout: drainTime,
	}
	t.dialer.Socket = t.srv.Socket
	o2 := splice.Options{}
	if t.plan.Patient {
		t.dialer.Timeout, o2.IdleTimeout = idleTimeout, idleTimeout
	}
	t.relays = map[string]*splice.Options{}
	for name, mode := range map[string]splice.Mode{"splice": splice.Splice, "auto": splice.Auto, "copy": splice.Copy} {
		way := o2
		way.Mode = mode
		t.relays[name] = &way
	}
	var ports [2]int
	t.call(func() { ports, o.Error = t.listen() })
	if o.Error == "" {
		t.run(ports, o)
	}
	t.call(func() { t.srv.Close() }) // for what failed to start; else it is closed already
}

// call runs f on the caller's thread.
func (t *target) call(f func()) {
	done := make(chan struct{})
	t.caller <- func() { f(); close(done) }
	<-done
}

// listen makes two listeners, so that the second can fail when the first is there.
func (t *target) listen() (ports [2]int, failed string) {
	for i := range ports {
		addr, err := t.srv.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			return ports, err.Error()
		}
		ports[i] = addr.(*net.TCPAddr).Port
	}
	return ports, ""
}

func (t *target) run(ports [2]int, o *outcome) {
	tid := make(chan string)
	t.srv.Group().Loops()[0].Post(func() { tid <- threadID() })
	fmt.Printf("ports %d %d loop %s\n", ports[0], ports[1], <-tid)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !t.await() {
		return
	}
	plant(t.plan.Planted, t.srv.Group())
	go func() {
		t.await()
		if t.plan.Planted != plantedStay {
			cancel()
			t.poster <- t.endHeld
		}
	}()
	var err error
	t.call(func() { err = t.srv.Serve(ctx) })
	switch {
	case err == nil:
	case errors.Is(err, loop.ErrServerClosed):
		o.Drained = err.Error()
	default:
		o.Error = err.Error()
	}
}

// drainTime is how long the sessions that are told of the drain may take to end, on a
// machine that has other things to do.
const drainTime = 10 * time.Second

// endHeld ends the relay that would outlast the drain, once it is alone.
func (t *target) endHeld() {
	const ofARelay = 2
	for end := time.Now().Add(drainTime); t.srv.Group().Counters().Conns > ofARelay && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	t.srv.Close()
}

// open sends a connection on its route.
func (t *target) open(c *loop.Conn) error {
	local, _ := c.LocalAddr().(*net.TCPAddr)
	if local == nil {
		return errors.New("no local address")
	}
	r := t.plan.Routes[local.IP[len(local.IP)-1]]
	switch r.Mode {
	case "echo":
		c.RemoteAddr() // what it is does not matter, but it is a call
		return c.Serve(&echo{t.plan.Planted})
	case "push":
		h := c.Handle()
		t.poster <- func() { push(h) }
		return c.Serve(&echo{})
	}
	return t.dialer.DialFor(c, "tcp", r.Backend, func(up *loop.Conn, err error) error {
		if err != nil {
			return err
		}
		return splice.Relay(c, up, t.relays[r.Mode])
	})
}
