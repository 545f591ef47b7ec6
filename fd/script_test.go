package fd_test

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A call is one that a script expects, and what it returns.
type call struct {
	want string
	n    int
	e    sys.Errno
	at   sys.Addr
}

// script is a kernel that is told which calls come, in which order and with which
// arguments, and what each returns. Any other call is an error of the test.
type script struct {
	sys.Kernel
	t     *testing.T
	name  string
	calls []call
}

func (k *script) next(format string, args ...any) call {
	k.t.Helper()
	got := fmt.Sprintf(format, args...)
	if len(k.calls) == 0 || k.calls[0].want != got {
		want := "none"
		if len(k.calls) > 0 {
			want = k.calls[0].want
		}
		k.t.Fatalf("%s: call %q, want %q", k.name, got, want)
	}
	c := k.calls[0]
	k.calls = k.calls[1:]
	return c
}

// done checks that all calls were made.
func (k *script) done() {
	k.t.Helper()
	for _, c := range k.calls {
		k.t.Errorf("%s: no call %q", k.name, c.want)
	}
}

func (k *script) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	c := k.next("recv %d %d %d", fd, len(p), flags)
	return c.n, c.e
}

func (k *script) Send(fd int, p []byte, flags int) (int, sys.Errno) {
	c := k.next("send %d %d %d", fd, len(p), flags)
	return c.n, c.e
}

func (k *script) Splice(from, to, n int) (int, sys.Errno) {
	c := k.next("splice %d %d %d", from, to, n)
	return c.n, c.e
}

func (k *script) SetLinger(fd int, on bool, seconds int) sys.Errno {
	return k.next("linger %d %v %d", fd, on, seconds).e
}

func (k *script) SetOption(fd, level, name, value int) sys.Errno {
	return k.next("set %d %d %d %d", fd, level, name, value).e
}

func (k *script) LocalAddr(fd int) (sys.Addr, sys.Errno) {
	c := k.next("local %d", fd)
	return c.at, c.e
}

func (k *script) Socket(f sys.Family) (int, sys.Errno) {
	c := k.next("socket %d", f)
	return c.n, c.e
}

func (k *script) Bind(fd int, a sys.Addr) sys.Errno    { return k.next("bind %d %s", fd, text(a)).e }
func (k *script) Connect(fd int, a sys.Addr) sys.Errno { return k.next("connect %d %s", fd, text(a)).e }
func (k *script) Listen(fd, backlog int) sys.Errno     { return k.next("listen %d %d", fd, backlog).e }
func (k *script) Shutdown(fd, how int) sys.Errno       { return k.next("shutdown %d %d", fd, how).e }
func (k *script) Close(fd int) sys.Errno               { return k.next("close %d", fd).e }

func text(a sys.Addr) string {
	if a.Family == sys.Unix {
		return a.Path
	}
	return fmt.Sprint(a.AP)
}

// state is all that an FD shows of itself.
func state(d *fd.FD) string {
	s := ""
	for i, letter := range "RWUEB" {
		if d.Ready()&(1<<i) != 0 {
			s += string(letter)
		}
	}
	if d.Err() != 0 {
		s += " " + errno(d.Err())
	}
	if d.ReadEnded() {
		s += " read-end"
	}
	if d.WriteEnded() {
		s += " write-end"
	}
	return s
}

func errno(e sys.Errno) string {
	if e == 0 {
		return "ok"
	}
	return unix.ErrnoName(e)
}

type act func(k sys.Kernel, d *fd.FD) string

func recv(n int) act {
	return func(k sys.Kernel, d *fd.FD) string {
		n, e := d.Recv(k, make([]byte, n))
		return fmt.Sprint(n, " ", errno(e))
	}
}

func send(k sys.Kernel, d *fd.FD) string {
	n, e := d.Send(k, make([]byte, 10))
	return fmt.Sprint(n, " ", errno(e))
}

func drain(k sys.Kernel, d *fd.FD) string {
	n, refused, e := d.Drain(k, 8, 100)
	if refused {
		return fmt.Sprint(n, " refused ", errno(e))
	}
	return fmt.Sprint(n, " ", errno(e))
}

func pump(k sys.Kernel, d *fd.FD) string {
	n, e := d.Pump(k, 9, 100)
	return fmt.Sprint(n, " ", errno(e))
}

func probe(k sys.Kernel, d *fd.FD) string    { return errno(d.Probe(k)) }
func shutdown(k sys.Kernel, d *fd.FD) string { return errno(d.ShutdownWrite(k)) }
func reset(k sys.Kernel, d *fd.FD) string    { d.Reset(k); return "" }

// then makes the acts one after another, and joins what they return.
func then(acts ...act) act {
	return func(k sys.Kernel, d *fd.FD) (all string) {
		for i, a := range acts {
			if i > 0 {
				all += ", "
			}
			all += a(k, d)
		}
		return all
	}
}

const (
	r = fd.Readable
	w = fd.Writable
	u = fd.Urgent
	n = fd.Ended
	b = fd.Broken
)

// What a call on a socket returns, keeps and clears, for each answer of the kernel.
var behaviours = []struct {
	family sys.Family
	failed sys.Errno // before
	ready  fd.Ready
	act    act
	calls  []call
	want   string // what the act returns
	after  string // state
}{
	// A read.
	{sys.Inet4, 0, r | w, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", "W"},
	{sys.Inet6, 0, r | w, recv(10), []call{{want: "recv 7 10 0", n: 9}}, "9 ok", "W"},
	{sys.Inet4, 0, r | w, recv(10), []call{{want: "recv 7 10 0", n: 10}}, "10 ok", "RW"},
	{sys.Unix, 0, r | w, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", "RW"},
	{sys.Inet4, 0, r | n, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", "RE"},
	{sys.Inet4, 0, r | b, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", "B"},
	{sys.Inet4, 0, r | u, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", "RU"},
	{sys.Inet4, 0, r | w, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}}, "0 EAGAIN", "W"},
	{sys.Inet4, 0, r | n, recv(10), []call{{want: "recv 7 10 0"}}, "0 ok", "E read-end"},
	{sys.Inet4, 0, r | w, recv(0), []call{{want: "recv 7 0 0"}}, "0 ok", "RW"},
	{sys.Inet4, 0, 0, recv(10), []call{{want: "recv 7 10 0", n: -1, e: sys.ECONNRESET}}, "0 ECONNRESET", "RWE ECONNRESET"},
	{sys.Inet4, 0, b, recv(10), []call{{want: "recv 7 10 0", n: -1, e: sys.EPERM}}, "0 EPERM", "RWEB EPERM"}, // errno 1

	// A read at an urgent mark is made three times more.
	{sys.Inet4, 0, r | u, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}, {want: "recv 7 10 0", n: 3}}, "3 ok", "RU"},
	{sys.Inet4, 0, r | u | w, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}, {want: "recv 7 10 0", e: sys.EAGAIN},
		{want: "recv 7 10 0", e: sys.EAGAIN}, {want: "recv 7 10 0", e: sys.EAGAIN}}, "0 EAGAIN", "W"},
	{sys.Inet4, 0, r | u, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}, {want: "recv 7 10 0", e: sys.ECONNRESET}},
		"0 ECONNRESET", "RWUE ECONNRESET"},
	{sys.Inet4, 0, r | u, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}, {want: "recv 7 10 0"}}, "0 ok", "U read-end"},

	// A read of a socket that has failed.
	{sys.Inet4, sys.ECONNRESET, r, recv(10), []call{{want: "recv 7 10 0"}}, "0 ECONNRESET", "R ECONNRESET"},
	{sys.Inet4, sys.ECONNRESET, r, recv(10), []call{{want: "recv 7 10 0", n: 5}}, "5 ok", " ECONNRESET"},
	{sys.Inet4, sys.ENOBUFS, r, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}}, "0 ENOBUFS", " ENOBUFS"},
	{sys.Inet4, sys.EPIPE, r, recv(10), []call{{want: "recv 7 10 0"}}, "0 EPIPE", "R EPIPE"},
	{sys.Inet4, sys.EPIPE, r, recv(10), []call{{want: "recv 7 10 0", e: sys.ECONNRESET}}, "0 EPIPE", "RWE EPIPE"},
	{sys.Unix, sys.EPIPE, r, recv(10), []call{{want: "recv 7 10 0"}}, "0 ok", " EPIPE read-end"},
	{sys.Unix, sys.EPIPE, r, recv(10), []call{{want: "recv 7 10 0", e: sys.EAGAIN}}, "0 EAGAIN", " EPIPE"},
	{sys.Unix, sys.EPIPE, r, recv(10), []call{{want: "recv 7 10 0", e: sys.ECONNRESET}}, "0 ECONNRESET", "RWE ECONNRESET"},
	{sys.Unix, sys.ECONNRESET, r, recv(10), []call{{want: "recv 7 10 0"}}, "0 ECONNRESET", "R ECONNRESET"},
	{sys.Unix, sys.ECONNRESET, r, recv(10), []call{{want: "recv 7 10 0", e: sys.EPIPE}}, "0 ECONNRESET", "RWE ECONNRESET"},

	// A write.
	{sys.Inet4, 0, r | w, send, []call{{want: "send 7 10 0", n: 4}}, "4 ok", "RW"},
	{sys.Inet4, 0, r | w | u, send, []call{{want: "send 7 10 0", n: -1, e: sys.EAGAIN}}, "0 EAGAIN", "RU"},
	{sys.Inet4, 0, 0, send, []call{{want: "send 7 10 0", n: -1, e: sys.EPERM}}, "0 EPERM", "RWE EPERM"},
	{sys.Inet4, sys.ECONNRESET, r | w, send, []call{{want: "send 7 10 0", e: sys.EAGAIN}}, "0 EAGAIN", "R ECONNRESET"},
	{sys.Inet4, sys.ECONNRESET, w, send, []call{{want: "send 7 10 0", e: sys.EPIPE}}, "0 ECONNRESET", "RWE ECONNRESET"},

	// A look for the error of a socket whose end was read.
	{sys.Inet4, 0, w | b, probe, []call{{want: "send 7 0 0"}}, "ok", "W"},
	{sys.Inet4, 0, w | b, probe, []call{{want: "send 7 0 0", e: sys.EAGAIN}}, "ok", "W"},
	{sys.Inet4, sys.ENOBUFS, w | b, probe, []call{{want: "send 7 0 0"}}, "ENOBUFS", "W ENOBUFS"},
	{sys.Inet4, sys.ENOBUFS, w | b, probe, []call{{want: "send 7 0 0", e: sys.EAGAIN}}, "ENOBUFS", "W ENOBUFS"},
	{sys.Inet4, 0, b, probe, []call{{want: "send 7 0 0", e: sys.EPIPE}}, "EPIPE", "RWE EPIPE"},
	{sys.Inet4, 0, b, probe, []call{{want: "send 7 0 0", e: sys.EPERM}}, "EPERM", "RWE EPERM"},
	{sys.Inet4, 0, b, then(shutdown, probe), []call{{want: "shutdown 7 1"}, {want: "send 7 0 0", e: sys.EPIPE}}, "ok, ok", " write-end"},
	{sys.Inet4, 0, b, then(shutdown, probe), []call{{want: "shutdown 7 1"}, {want: "send 7 0 0", e: sys.ECONNRESET}},
		"ok, ECONNRESET", "RWE ECONNRESET write-end"},
	{sys.Unix, 0, b, probe, []call{{want: "recv 7 1 2"}}, "ok", ""},
	{sys.Unix, 0, b, probe, []call{{want: "recv 7 1 2", n: 1}}, "ok", ""},
	{sys.Unix, 0, r | b, probe, []call{{want: "recv 7 1 2", e: sys.EAGAIN}}, "ok", "R"},
	{sys.Unix, 0, b, probe, []call{{want: "recv 7 1 2", e: sys.ECONNRESET}}, "ECONNRESET", "RWE ECONNRESET"},

	// Our end is sent once.
	{sys.Inet4, 0, r, then(shutdown, shutdown), []call{{want: "shutdown 7 1"}}, "ok, ok", "R write-end"},
	{sys.Inet4, 0, 0, then(shutdown, shutdown), []call{{want: "shutdown 7 1", e: sys.EPERM}}, "EPERM, ok", "RWE EPERM"},
	{sys.Inet4, 0, 0, shutdown, []call{{want: "shutdown 7 1", e: sys.ENOTCONN}, {want: "send 7 0 0", e: sys.ECONNRESET}}, "ECONNRESET", "RWE ECONNRESET"},
	{sys.Inet4, 0, 0, shutdown, []call{{want: "shutdown 7 1", e: sys.ENOTCONN}, {want: "send 7 0 0", e: sys.EPERM}}, "EPERM", "RWE EPERM"},
	{sys.Inet4, 0, 0, shutdown, []call{{want: "shutdown 7 1", e: sys.ENOTCONN}, {want: "send 7 0 0"}}, "ENOTCONN", "RWE ENOTCONN"},
	{sys.Inet4, 0, r, shutdown, []call{{want: "shutdown 7 1", e: sys.ENOTCONN}, {want: "send 7 0 0", e: sys.EAGAIN}}, "EAGAIN", "R"},
	{sys.Inet4, sys.ECONNRESET, 0, shutdown, []call{{want: "shutdown 7 1", e: sys.EIO}}, "ECONNRESET", "RWE ECONNRESET"},

	// A reset is for TCP.
	{sys.Inet4, 0, 0, reset, []call{{want: "linger 7 true 0"}}, "", ""},
	{sys.Inet6, 0, 0, reset, []call{{want: "linger 7 true 0", e: sys.EPERM}}, "", ""},
	{sys.Unix, 0, 0, reset, nil, "", ""},

	// Into a pipe.
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: 50}}, "50 ok", "R"},
	{sys.Inet4, sys.ECONNRESET, r, drain, []call{{want: "splice 7 8 100", n: 50}}, "50 ok", "R ECONNRESET"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.ENOMEM}}, "0 refused ENOMEM", "R"},
	{sys.Inet4, 0, r | w, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EAGAIN}}, "0 EAGAIN", "W"},
	{sys.Inet4, sys.ECONNRESET, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EAGAIN}}, "0 refused EAGAIN", "R ECONNRESET"},
	{sys.Unix, sys.EPIPE, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EAGAIN}}, "0 EAGAIN", " EPIPE"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.ECONNRESET}}, "0 refused ECONNRESET", "RWE ECONNRESET"},

	// A splice that is refused.
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EINVAL}}, "0 refused EINVAL", "R"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.ENOSYS}}, "0 refused ENOSYS", "R"},
	{sys.Unix, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EACCES}}, "0 refused EACCES", "R"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EPERM}, {want: "recv 7 1 2", n: 1}}, "0 refused EPERM", "R"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EOPNOTSUPP}, {want: "recv 7 1 2", n: -1, e: sys.EAGAIN}}, "0 refused ENOTSUP", "R"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EACCES}, {want: "recv 7 1 2", n: -1, e: sys.ECONNRESET}},
		"0 refused EACCES", "RWE ECONNRESET"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100", n: -1, e: sys.EACCES}, {want: "recv 7 1 2", n: -1, e: sys.EPERM}},
		"0 refused EACCES", "RWE EPERM"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", e: sys.EACCES}, {want: "recv 7 1 2"}, {want: "send 7 0 0"}}, "0 refused EACCES", "R"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100", e: sys.EACCES}, {want: "recv 7 1 2"}, {want: "send 7 0 0", e: sys.EAGAIN}}, "0 refused EACCES", "R"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100", e: sys.EPERM}, {want: "recv 7 1 2"}, {want: "send 7 0 0", e: sys.EPIPE}},
		"0 refused EPERM", "RWE EPERM"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100", e: sys.EACCES}, {want: "recv 7 1 2"}, {want: "send 7 0 0", e: sys.EPERM}},
		"0 refused EACCES", "RWE EACCES"},

	// A 0 of splice.
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2", n: 1}}, "0 EAGAIN", "RU"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2", n: -1, e: sys.EAGAIN}}, "0 EAGAIN", "RU"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2", n: -1, e: sys.EPERM}}, "0 EPERM", "RWE EPERM"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2"}, {want: "recv 7 1 0"}}, "0 ok", " read-end"},
	{sys.Inet4, 0, 0, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2"}, {want: "recv 7 1 0", n: -1, e: sys.EPERM}}, "0 EPERM", "RWE EPERM"},
	{sys.Inet4, 0, r, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2"}, {want: "recv 7 1 0", n: -1, e: sys.EAGAIN}}, "0 EAGAIN", ""},
	{sys.Inet4, sys.EPIPE, r, drain, []call{{want: "splice 7 8 100"}, {want: "recv 7 1 2"}, {want: "recv 7 1 0"}}, "0 EPIPE", "R EPIPE"},

	// Out of a pipe.
	{sys.Inet4, 0, w, pump, []call{{want: "splice 9 7 100", n: 100}}, "100 ok", "W"},
	{sys.Inet4, 0, w, pump, []call{{want: "splice 9 7 100", n: 1}}, "1 ok", "W"},
	{sys.Inet4, 0, 0, pump, []call{{want: "splice 9 7 100"}}, "0 EIO", "RWE EIO"},
	{sys.Inet4, 0, r | w, pump, []call{{want: "splice 9 7 100", e: sys.EAGAIN}}, "0 EAGAIN", "R"},
	{sys.Inet4, 0, 0, pump, []call{{want: "splice 9 7 100", n: -1, e: sys.EPERM}}, "0 EPERM", "RWE EPERM"},
}

func TestEveryAnswerOfTheKernelIsHandled(t *testing.T) {
	for i, c := range behaviours {
		k := &script{t: t, name: fmt.Sprintf("case %d, %s", i, wants(c.calls)), calls: slices.Clone(c.calls)}
		d := fd.Own(7, c.family)
		if c.failed != 0 {
			d.Fail(c.failed)
		}
		d.Clear(^fd.Ready(0))
		d.Note(c.ready)
		if got := c.act(k, &d); got != c.want {
			t.Errorf("%s: %q, want %q", k.name, got, c.want)
		}
		if got := state(&d); got != c.after {
			t.Errorf("%s: left as %q, want %q", k.name, got, c.after)
		}
		k.done()
	}
}

// A descriptor is closed once, number 0 as any other; nobody holds the number after it.
func TestDescriptorIsClosedOnce(t *testing.T) {
	for _, num := range []int{0, 1, 7} {
		k := &script{t: t, name: "close", calls: []call{{want: fmt.Sprint("close ", num), e: sys.EIO}}}
		d := fd.Own(num, sys.Inet6)
		if d.Num() != num || d.Family() != sys.Inet6 || state(&d) != "W" {
			t.Errorf("%d: number %d, family %d, %s", num, d.Num(), d.Family(), state(&d))
		}
		d.Close(k)
		d.Close(k)
		if d.Num() != -1 {
			t.Errorf("%d is %d after it was closed", num, d.Num())
		}
		k.done()
	}
}

// The order of errors: what a Unix socket says of its peer's reading makes way.
func TestErrorThatTellsLessMakesWay(t *testing.T) {
	for _, c := range []struct {
		family        sys.Family
		first, second sys.Errno
		want          sys.Errno
	}{
		{sys.Inet4, sys.EPIPE, sys.ECONNRESET, sys.EPIPE}, {sys.Unix, sys.EPIPE, sys.ECONNRESET, sys.ECONNRESET},
		{sys.Unix, sys.ECONNRESET, sys.EPIPE, sys.ECONNRESET}, {sys.Inet4, sys.EPERM, sys.EPIPE, sys.EPERM},
	} {
		d := fd.Own(7, c.family)
		d.Clear(^fd.Ready(0))
		d.Note(fd.Urgent)
		d.Fail(c.first)
		d.Fail(c.second)
		if d.Err() != c.want || state(&d) != "RWUE "+errno(c.want) {
			t.Errorf("family %d, %v and then %v: %s", c.family, c.first, c.second, state(&d))
		}
	}
}

func wants(calls []call) (all []string) {
	for _, c := range calls {
		all = append(all, c.want)
	}
	return all
}
