package loop_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// fakeResolver is a Resolver of functions. It counts what it is asked.
type fakeResolver struct {
	asked atomic.Int64
	hosts func(ctx context.Context, host string) ([]netip.Addr, error)
	ports func(ctx context.Context, service string) (int, error)
}

func (r *fakeResolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	r.asked.Add(1)
	return r.hosts(ctx, host)
}

func (r *fakeResolver) LookupPort(ctx context.Context, _, service string) (int, error) {
	r.asked.Add(1)
	return r.ports(ctx, service)
}

// always is a resolver that knows one answer.
func always(ips ...string) *fakeResolver {
	var addrs []netip.Addr
	for _, ip := range ips {
		addrs = append(addrs, netip.MustParseAddr(ip))
	}
	return &fakeResolver{hosts: func(context.Context, string) ([]netip.Addr, error) { return addrs, nil }}
}

// blackHole is the host's kernel, but that nothing answers at some addresses, and that
// descriptors may be short. It counts the connects to each address.
type blackHole struct {
	sys.Kernel
	silent   map[netip.Addr]bool
	connects map[netip.Addr]*atomic.Int64
	short    bool // there is no descriptor for the reserve
	eventfds atomic.Int64
}

func newBlackHole(t *testing.T, silent ...string) *blackHole {
	t.Helper()
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &blackHole{Kernel: host, silent: map[netip.Addr]bool{}, connects: map[netip.Addr]*atomic.Int64{}}
	for _, a := range silent {
		k.silent[netip.MustParseAddr(a)] = true
	}
	for _, a := range append(silent, "127.0.0.1", "::1") {
		k.connects[netip.MustParseAddr(a)] = new(atomic.Int64)
	}
	return k
}

func (k *blackHole) Connect(num int, a sys.Addr) sys.Errno {
	if n := k.connects[a.AP.Addr()]; n != nil {
		n.Add(1)
	}
	if k.silent[a.AP.Addr()] {
		return sys.EINPROGRESS
	}
	return k.Kernel.Connect(num, a)
}

func (k *blackHole) to(a string) int64 { return k.connects[netip.MustParseAddr(a)].Load() }

func (k *blackHole) Eventfd() (int, sys.Errno) {
	if k.eventfds.Add(1) > 1 && k.short { // the first is the poller's
		return -1, sys.EMFILE
	}
	return k.Kernel.Eventfd()
}

// start starts one loop, which is closed and checked when the test ends.
func start(t *testing.T, config loop.Config) *loop.Loop {
	t.Helper()
	config.Loops = 1
	g, err := loop.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close(); testkit.GivenBack(t, g) })
	return g.Loops()[0]
}

// dialFrom dials on l, and returns where the outcome comes: the peer's address, or an error.
func dialFrom(t *testing.T, l *loop.Loop, d *loop.Dialer, network, address string) <-chan any {
	t.Helper()
	out := make(chan any, 1)
	l.Post(func() {
		err := d.Dial(l, network, address, func(c *loop.Conn, err error) error {
			if err != nil {
				out <- err
				return nil
			}
			out <- c.RemoteAddr().String()
			c.Abort()
			return nil
		})
		if err != nil {
			out <- err
		}
	})
	return out
}

// outcome waits for the outcome of a dial.
func outcome(t *testing.T, out <-chan any) any {
	t.Helper()
	select {
	case got := <-out:
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("the dial has no end")
		return nil
	}
}

// An empty or unspecified host is this machine, of both families.
func TestUnspecifiedHostIsThisMachine(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{})
	for _, listens := range []string{"127.0.0.1", "::1"} {
		ln, err := net.Listen("tcp", net.JoinHostPort(listens, "0"))
		if err != nil {
			t.Skip(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		for _, host := range []string{"", "0.0.0.0", "[::]", "[::ffff:0.0.0.0]"} {
			if to := <-dialFrom(t, l, new(loop.Dialer), "tcp", host+":"+port); to != ln.Addr().String() {
				t.Errorf("%q, listening on %v: %v", host, ln.Addr(), to)
			}
		}
		for network, family := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
			to := <-dialFrom(t, l, new(loop.Dialer), network, ":"+port)
			if err, refused := to.(error); (family == listens) == refused || refused && !errors.Is(err, sys.ECONNREFUSED) {
				t.Errorf("%s, listening on %v: %v", network, ln.Addr(), to)
			}
		}
		d := &loop.Dialer{Source: listens}
		if to := <-dialFrom(t, l, d, "tcp", ":"+port); to != ln.Addr().String() {
			t.Errorf("from %s: %v", listens, to)
		}
	}
}

// An IPv6 address that does not answer costs a connection a fraction of a second, not its
// share of the time.
func TestFamiliesAreRaced(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	k := newBlackHole(t, "::1", "127.0.0.2")
	l := start(t, loop.Config{Kernel: k})
	for _, try := range []struct {
		what  string
		names []string
		want  any
		least time.Duration
		time  time.Duration
	}{
		{"IPv6 does not answer", []string{"::1", "127.0.0.1"}, ln.Addr().String(), 300 * time.Millisecond, 30 * time.Second},
		{"nor does the first of IPv4", []string{"::1", "127.0.0.2", "127.0.0.1"}, ln.Addr().String(), 2300 * time.Millisecond, 4 * time.Second},
		{"IPv4 refuses, and is first", []string{"127.0.0.3", "::1"}, sys.ECONNREFUSED, 4 * time.Second, 4 * time.Second},
	} {
		began := time.Now()
		d := &loop.Dialer{Timeout: try.time, Resolver: always(try.names...)}
		got := outcome(t, dialFrom(t, l, d, "tcp", "name:"+port))
		if err, ok := got.(error); ok && errors.Is(err, sys.ECONNREFUSED) {
			got = sys.ECONNREFUSED
		}
		if took := time.Since(began); got != try.want || took < try.least || took > try.least+3*time.Second {
			t.Errorf("%s: %v after %v", try.what, got, took)
		}
	}
}

// The family that is slower loses: its connection is closed, though it may have been
// established, and it is not kept.
func TestSlowerFamilyIsClosed(t *testing.T) {
	testkit.Leaks(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	k := newBlackHole(t, "::1")
	l := start(t, loop.Config{Kernel: k})
	const n = 20
	var outcomes []<-chan any
	for range n {
		outcomes = append(outcomes, dialFrom(t, l, &loop.Dialer{Resolver: always("::1", "127.0.0.1")}, "tcp", "name:"+port))
	}
	for _, out := range outcomes {
		if to := <-out; to != ln.Addr().String() {
			t.Error(to)
		}
	}
	if k.to("::1") < n || k.to("127.0.0.1") != n {
		t.Errorf("%d connects to IPv6, %d to IPv4", k.to("::1"), k.to("127.0.0.1"))
	}
	testkit.Eventually(t, "all sockets are closed", func() bool {
		c := l.Group().Counters()
		return c.Conns == 0 && c.Registered == 2*n && c.Unregistered == 2*n && c.Dialed == n && c.DialErrors == 0 && c.TimersArmed == 0
	})
}

// The second family costs a descriptor: while they are short it has to wait its turn.
func TestFamiliesAreNotRacedWhileDescriptorsAreShort(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	k := newBlackHole(t, "::1", "127.0.0.1")
	k.short = true
	l := start(t, loop.Config{Kernel: k})
	d := &loop.Dialer{Timeout: 4 * time.Second, Resolver: always("::1", "127.0.0.1")}
	out := dialFrom(t, l, d, "tcp", "name:1")
	time.Sleep(time.Second)
	if k.to("::1") == 0 || k.to("127.0.0.1") != 0 {
		t.Errorf("%d connects to IPv6, %d to IPv4", k.to("::1"), k.to("127.0.0.1"))
	}
	if err, _ := (<-out).(error); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if k.to("127.0.0.1") == 0 {
		t.Error("IPv4 never had its share of the time")
	}
}

// A callback that dials again must not nest, whether the dial succeeds or fails at once.
func TestDialThatSucceedsAtOnceDoesNotNest(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	path := filepath.Join(t.TempDir(), "socket")
	testkit.Serve(t, srv, "unix", path)
	l := start(t, loop.Config{})
	told := make(chan error, 1)
	left, within := 1000, 0
	var again func() error
	again = func() error {
		within++
		defer func() { within-- }()
		return new(loop.Dialer).Dial(l, "unix", path, func(c *loop.Conn, err error) error {
			if within > 0 {
				t.Error("done was invoked within Dial")
			}
			if left--; err != nil || left == 0 {
				told <- err
				return net.ErrClosed
			}
			c.Abort()
			return again()
		})
	}
	l.Post(func() {
		if err := again(); err != nil {
			told <- err
		}
	})
	if err := <-told; err != nil || left != 0 {
		t.Errorf("%v, %d left", err, left)
	}
}

// The errors of a dial name what was asked for.
func TestErrorsOfNamesNameThem(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{})
	failing := &fakeResolver{
		hosts: func(_ context.Context, host string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		},
		ports: func(_ context.Context, service string) (int, error) {
			return 0, &net.DNSError{Err: "unknown port", Name: "tcp/" + service, IsNotFound: true}
		},
	}
	stuck := &fakeResolver{hosts: func(ctx context.Context, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for _, try := range []struct {
		d             loop.Dialer
		address, want string
	}{
		{loop.Dialer{Resolver: failing}, "nowhere.invalid:80", "dial tcp nowhere.invalid:80: lookup nowhere.invalid: no such host"},
		{loop.Dialer{Resolver: failing}, "127.0.0.1:nonsense", "dial tcp 127.0.0.1:nonsense: lookup tcp/nonsense: unknown port"},
		{loop.Dialer{Resolver: stuck, Timeout: 50 * time.Millisecond}, "slow.invalid:80", "dial tcp slow.invalid:80: i/o timeout"},
		{loop.Dialer{Resolver: always("::1"), Source: "127.0.0.1"}, "six.invalid:80", "no suitable address"},
		{loop.Dialer{}, "[fe80::1%nosuchif]:80", "nosuchif"},
		{loop.Dialer{}, "[fe80::1%lo]:1", "[fe80::1%lo]:1"},
	} {
		got := <-dialFrom(t, l, &try.d, "tcp", try.address)
		if err, ok := got.(error); !ok || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s: %v, want %q", try.address, got, try.want)
		}
	}
}
