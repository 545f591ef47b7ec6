package sys

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// hostOf returns the kernel of the machine, and checks in the end that the test has closed
// what it opened.
func hostOf(t *testing.T) Kernel {
	t.Helper()
	k, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	before := openFiles(t)
	t.Cleanup(func() {
		if after := openFiles(t); after != before {
			t.Errorf("%d descriptors are open, %d were", after, before)
		}
	})
	return k
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// owned closes a descriptor with the test.
func owned(t *testing.T, fd int, e Errno) int {
	t.Helper()
	if e != 0 {
		t.Fatal(e)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func unixPair(t *testing.T) (a, b int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return owned(t, pair[0], 0), owned(t, pair[1], 0)
}

// tcpListener returns a listener on the loopback address of a family, and its address.
func tcpListener(t *testing.T, k Kernel, f Family, ip string) (int, Addr) {
	t.Helper()
	fd, e := k.Socket(f)
	owned(t, fd, e)
	if e := k.Bind(fd, Addr{Family: f, AP: netip.AddrPortFrom(netip.MustParseAddr(ip), 0)}); e != 0 {
		t.Fatal(e)
	}
	if e := k.Listen(fd, 17); e != 0 {
		t.Fatal(e)
	}
	at, e := k.LocalAddr(fd)
	if e != 0 {
		t.Fatal(e)
	}
	return fd, at
}

// makeEach makes a descriptor of each kind, closes it, and returns the errors.
func makeEach(k Kernel, ln int) map[string]Errno {
	errs := map[string]Errno{}
	made := func(name string, e Errno, fds ...int) {
		errs[name] = e
		for _, fd := range fds {
			if e == 0 {
				k.Close(fd)
			}
		}
	}
	r, w, e := k.Pipe()
	made("pipe2", e, r, w)
	fd, e := k.Socket(Inet4)
	made("socket", e, fd)
	fd, e = k.EpollCreate()
	made("epoll_create1", e, fd)
	fd, e = k.Eventfd()
	made("eventfd2", e, fd)
	fd, _, e = k.Accept(ln)
	made("accept4", e, fd)
	return errs
}

// Past the limit of descriptors every call that makes one says so.
func TestNoDescriptorIsAnError(t *testing.T) {
	k := hostOf(t)
	ln, at := tcpListener(t, k, Inet4, "127.0.0.1")
	c, e := k.Socket(Inet4)
	owned(t, c, e)
	if e := k.Connect(c, at); e != 0 && e != EINPROGRESS {
		t.Fatal(e)
	}
	for name, e := range makeEach(k, ln) {
		if e != 0 {
			t.Errorf("%s: %v", name, e)
		}
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if got := k.MaxFiles(); got != int(min(was.Cur, 1<<30)) {
		t.Errorf("the limit is %d, want %d", got, was.Cur)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	limit, errs := k.MaxFiles(), makeEach(k, ln)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if limit != 3 {
		t.Errorf("the limit is %d, want 3", limit)
	}
	for name, e := range errs {
		if e != EMFILE {
			t.Errorf("%s without a descriptor: %v", name, e)
		}
	}
}

func TestLimitThatCannotBeReadIsNone(t *testing.T) {
	for _, c := range []struct {
		limit uint64
		err   error
		want  int
	}{{1024, nil, 1024}, {1 << 30, nil, 1 << 30}, {unix.RLIM_INFINITY, nil, 1 << 30}, {0, EPERM, 1 << 30}} {
		if got := maxFiles(c.limit, c.err); got != c.want {
			t.Errorf("%d, %v: %d, want %d", c.limit, c.err, got, c.want)
		}
	}
}
