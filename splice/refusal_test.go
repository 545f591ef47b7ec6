package splice_test

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// sandbox is the host's kernel, which refuses calls of the splice path.
type sandbox struct {
	sys.Kernel
	splice, pipe, size sys.Errno
	splices            atomic.Int64
	last               int64 // of those, so many are refused; 0 is all
}

func (k *sandbox) Splice(from, to, n int) (int, sys.Errno) {
	if i := k.splices.Add(1); k.splice != 0 && (k.last == 0 || i <= k.last) {
		return 0, k.splice
	}
	return k.Kernel.Splice(from, to, n)
}

func (k *sandbox) Pipe() (int, int, sys.Errno) {
	if k.pipe != 0 {
		return -1, -1, k.pipe
	}
	return k.Kernel.Pipe()
}

func (k *sandbox) SetPipeSize(num, n int) (int, sys.Errno) {
	if k.size != 0 {
		return 0, k.size
	}
	return k.Kernel.SetPipeSize(num, n)
}

func (k *sandbox) PipeSize(num int) (int, sys.Errno) {
	if k.size != 0 {
		return 0, k.size
	}
	return k.Kernel.PipeSize(num)
}

// refusedRelay relays 32 MiB each way on kernel k, and returns the counters.
func refusedRelay(t *testing.T, k sys.Kernel, mode splice.Mode) loop.Counters {
	t.Helper()
	testkit.Leaks(t)
	ln := listen(t, "tcp")
	o := splice.Options{Mode: mode}
	srv := forwarder(ln.Addr(), &o)
	srv.Config = loop.Config{Loops: 1, Kernel: k}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	const n = 32 << 20
	served := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			err = exchange(c.(stream), 1, 0, n, always(128<<10))
			c.Close()
		}
		served <- err
	}()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := exchange(c.(stream), 0, 1, n, always(128<<10)); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	return srv.Group().Counters()
}

// A sandbox or a kernel that refuses the calls of the splice path costs no connection:
// bytes are copied, and what is refused for good is not asked for any more.
func TestRefusedCallsCostNoConnection(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	for _, e := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM, syscall.EACCES, syscall.EOPNOTSUPP, syscall.EINVAL} {
		t.Run(e.Error(), func(t *testing.T) {
			t.Run("splice", func(t *testing.T) {
				k := &sandbox{Kernel: host, splice: e}
				refusedRelay(t, k, splice.Splice)
				if n := k.splices.Load(); n == 0 || n > 16 {
					t.Errorf("splice was asked for %d times", n)
				}
			})
			t.Run("pipe2", func(t *testing.T) { refusedRelay(t, &sandbox{Kernel: host, pipe: e}, splice.Splice) })
			t.Run("F_SETPIPE_SZ", func(t *testing.T) { refusedRelay(t, &sandbox{Kernel: host, size: e}, splice.Splice) })
		})
	}
	t.Run("passing", func(t *testing.T) {
		k := &sandbox{Kernel: host, splice: syscall.EINVAL, last: 10}
		if c := refusedRelay(t, k, splice.Splice); c.BytesSpliced == 0 {
			t.Error("splice was given up after a few refusals")
		}
	})
}

// A transfer that would splice, and copies for want of a pipe, does not change its mind
// with every few reads.
func TestCopyingForWantOfAPipeIsNoChangeOfMind(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	c := refusedRelay(t, &sandbox{Kernel: host, pipe: syscall.EMFILE}, splice.Auto)
	if c.ToSplice == 0 || c.ToSplice > 2 || c.ToCopy != 0 {
		t.Errorf("%d changes to splicing, %d to copying, of two directions", c.ToSplice, c.ToCopy)
	}
}

// noMemory is the host's kernel, in which one send fails, and leaves the socket alive.
type noMemory struct {
	sys.Kernel
	fail atomic.Bool
}

func (k *noMemory) Send(num int, p []byte, flags int) (int, sys.Errno) {
	if len(p) > 0 && k.fail.Swap(false) {
		return 0, syscall.ENOMEM
	}
	return k.Kernel.Send(num, p, flags)
}

// A relay that begins behind a write that failed sends nothing: the bytes would stand
// where those are missing.
func TestRelayBehindAFailedWriteSendsNothing(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &noMemory{Kernel: host}
	ln := listen(t, "tcp")
	dialled := false
	srv := &loop.Server{Config: loop.Config{Loops: 1, Kernel: k}, Handler: loop.OnData(func(c *loop.Conn) error {
		if dialled {
			return nil
		}
		dialled = true // what has arrived waits in the kernel
		return c.Dial("tcp", ln.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			k.fail.Store(true)
			if _, err := up.Write([]byte("head")); err == nil {
				t.Error("the write did not fail")
			}
			return splice.Relay(c, up, nil)
		})
	})}
	client, err := net.Dial("tcp", testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Write([]byte("behind the head"))
	backend, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	if n, err := backend.Read(make([]byte, 100)); n > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend reads %d bytes, %v: want a reset alone", n, err)
	}
}
