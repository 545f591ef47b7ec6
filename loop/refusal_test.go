package loop_test

import (
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// acceptRefused is the host's kernel, whose accept4 fails while it is told to.
type acceptRefused struct {
	sys.Kernel
	e     atomic.Int32
	calls atomic.Int64
}

func (k *acceptRefused) Accept(num int) (int, sys.Addr, sys.Errno) {
	if e := k.e.Load(); e != 0 {
		k.calls.Add(1)
		return -1, sys.Addr{}, sys.Errno(e)
	}
	return k.Kernel.Accept(num)
}

// An accept4 that fails for good, with whatever errno, neither spins nor is silent; the
// listener goes on when it no longer does.
func TestAcceptThatFailsForGoodNeitherSpinsNorIsSilent(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	for _, e := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EPROTO, syscall.ENETDOWN,
		syscall.ECONNABORTED, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EMFILE, syscall.ENOMEM} {
		t.Run(e.Error(), func(t *testing.T) {
			testkit.Leaks(t)
			k := &acceptRefused{Kernel: host}
			k.e.Store(int32(e))
			var log syncBuffer
			srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k, Logger: logTo(&log)}}
			addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
			c := dial(t, addr)
			c.Write([]byte("x"))
			time.Sleep(250 * time.Millisecond)
			if n := k.calls.Load(); n == 0 || n > 500 { // 16 every 100 ms
				t.Errorf("%d calls in 250 ms", n)
			}
			testkit.Eventually(t, "the failure is logged", func() bool { return strings.Contains(log.String(), e.Error()) })
			if n := strings.Count(log.String(), "accepting paused"); n != 1 {
				t.Errorf("%d log lines within a second", n)
			}
			k.e.Store(0)
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
			c.Close()
		})
	}
}

// A few failures in a row are of connections that died in the backlog: accepting goes on
// without a pause.
func TestConnectionsThatDieInTheBacklogPauseNothing(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &dying{Kernel: host}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	var clients []net.Conn
	for range 20 { // each behind eight that died
		clients = append(clients, dial(t, addr))
	}
	testkit.Eventually(t, "all are accepted", func() bool { return srv.Group().Counters().Accepted == 20 })
	if c := srv.Group().Counters(); c.AcceptPauses != 0 || c.AcceptErrors < 20*8 {
		t.Errorf("%d pauses, %d errors", c.AcceptPauses, c.AcceptErrors)
	}
	for _, c := range clients {
		c.Close()
	}
}

// dying fails eight accepts in front of each that succeeds.
type dying struct {
	sys.Kernel
	n atomic.Int64
}

func (k *dying) Accept(num int) (int, sys.Addr, sys.Errno) {
	if k.n.Add(1)%9 != 0 {
		return -1, sys.Addr{}, syscall.ECONNABORTED
	}
	return k.Kernel.Accept(num)
}
