package fd_test

import (
	"errors"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// plain are the options that a TCP socket gets by default.
var plain = []string{"set 7 6 1 1", "set 7 1 9 1", "set 7 6 4 15", "set 7 6 5 15"}

// Each option of a socket, with its value at the bounds.
func TestOptionsBecomeTheseCalls(t *testing.T) {
	const nodelay, alive = "set 7 6 1 1", "set 7 1 9 1"
	for _, c := range []struct {
		o    fd.Options
		tcp  []string
		unix []string
	}{
		{fd.Options{}, plain, nil},
		{fd.Options{Delay: true}, plain[1:], nil},
		{fd.Options{KeepAlive: -1}, plain[:1], nil},
		{fd.Options{KeepAlive: 1}, []string{nodelay, alive, "set 7 6 4 1", "set 7 6 5 1"}, nil},
		{fd.Options{KeepAlive: 2999 * time.Millisecond}, []string{nodelay, alive, "set 7 6 4 2", "set 7 6 5 2"}, nil},
		{fd.Options{KeepAlive: 32767 * time.Second}, []string{nodelay, alive, "set 7 6 4 32767", "set 7 6 5 32767"}, nil},
		{fd.Options{KeepAlive: 100 * time.Hour}, []string{nodelay, alive, "set 7 6 4 32767", "set 7 6 5 32767"}, nil},
		{fd.Options{RecvBuffer: 1, SendBuffer: 1}, append([]string{"set 7 1 8 1", "set 7 1 7 1"}, plain...), []string{"set 7 1 8 1", "set 7 1 7 1"}},
		{fd.Options{RecvBuffer: -1, SendBuffer: -1}, plain, nil},
		{fd.Options{RecvBuffer: math.MaxInt32 + 1}, append([]string{"set 7 1 8 2147483647"}, plain...), []string{"set 7 1 8 2147483647"}},
		{fd.Options{UserTimeout: 1}, append(plain[:4:4], "set 7 6 18 1"), nil},
		{fd.Options{UserTimeout: time.Millisecond}, append(plain[:4:4], "set 7 6 18 1"), nil},
		{fd.Options{UserTimeout: time.Millisecond + 1}, append(plain[:4:4], "set 7 6 18 2"), nil},
		{fd.Options{UserTimeout: 2*time.Millisecond - 1}, append(plain[:4:4], "set 7 6 18 2"), nil},
		{fd.Options{UserTimeout: math.MaxInt64}, append(plain[:4:4], "set 7 6 18 2147483647"), nil},
		{fd.Options{UserTimeout: -1}, plain, nil},
		{fd.Options{ReusePort: true}, append(plain[:4:4], "set 7 1 15 1"), nil},
		{fd.Options{Linger: time.Second, PortAtBind: true}, plain, nil}, // kept by the loop, and by bind
	} {
		for family, list := range map[sys.Family][]string{sys.Inet4: c.tcp, sys.Inet6: c.tcp, sys.Unix: c.unix} {
			k := &script{t: t, name: "options", calls: calls(list...)}
			if e := c.o.Set(k, 7, family); e != 0 {
				t.Errorf("%+v: %v", c.o, e)
			}
			k.done()
		}
	}
}

// The first option that was asked for and is refused ends it; one of ours does not.
func TestRefusedOptionEndsTheListOnlyIfItWasAskedFor(t *testing.T) {
	all := fd.Options{RecvBuffer: 2, SendBuffer: 2, KeepAlive: time.Second, UserTimeout: time.Second, ReusePort: true}
	list := []string{"set 7 1 8 2", "set 7 1 7 2", "set 7 6 1 1", "set 7 1 9 1", "set 7 6 4 1", "set 7 6 5 1", "set 7 6 18 1000", "set 7 1 15 1"}
	for i := range list {
		k := &script{t: t, name: list[i], calls: calls(list...)}
		k.calls[i].e = sys.EPERM
		vital := i != 2 // nobody asks for TCP_NODELAY
		if e := all.Set(k, 7, sys.Inet4); (e == sys.EPERM) != vital {
			t.Errorf("%s refused: %v", list[i], e)
		}
		if made := len(list) - len(k.calls); vital && made != i+1 || !vital && made != len(list) {
			t.Errorf("%s refused: %d calls were made", list[i], made)
		}
	}
	short := fd.Options{KeepAlive: 1}
	k := &script{t: t, name: "a nanosecond", calls: calls(plain[:2]...)}
	k.calls[1].e = sys.EPERM
	if e := short.Set(k, 7, sys.Inet4); e != sys.EPERM {
		t.Errorf("keep-alive of 1 ns, refused: %v", e)
	}
	k = &script{t: t, name: "defaults", calls: calls(plain...)}
	for i := range k.calls {
		k.calls[i].e = sys.EPERM
	}
	if e := new(fd.Options).Set(k, 7, sys.Inet4); e != 0 {
		t.Errorf("defaults refused: %v", e)
	}
	k.done()
}

// calls are calls that succeed.
func calls(list ...string) (all []call) {
	for _, want := range list {
		all = append(all, call{want: want})
	}
	return all
}

// socket is the call that makes descriptor 7.
func socket(f sys.Family) call {
	return call{want: map[sys.Family]string{sys.Inet4: "socket 1", sys.Inet6: "socket 2", sys.Unix: "socket 3"}[f], n: 7}
}

func inet(text string) sys.Addr {
	a, _, err := fd.ParseAddr("tcp", text)
	if err != nil {
		panic(err)
	}
	return a
}

func TestListenMakesTheseCalls(t *testing.T) {
	four, any6, six := inet("127.0.0.1:5"), inet("[::]:5"), inet("[::1]:5")
	with := func(first call, more ...call) []call { return append([]call{first}, more...) }
	setup := func(before, bind, listen string) (all []call) {
		all = calls("set 7 1 2 1")
		if before != "" {
			all = append(all, call{want: before})
		}
		all = append(all, calls(plain...)...)
		return append(all, calls(bind, listen)...)
	}
	at := call{want: "local 7", at: inet("192.0.2.1:9")}
	closed := call{want: "close 7"}
	fail := func(list []call, i int, e sys.Errno) []call {
		list = slices.Clone(list)
		list[i].e = e
		return append(list[:i+1], closed)
	}
	ok4 := with(socket(sys.Inet4), append(setup("", "bind 7 127.0.0.1:5", "listen 7 4096"), at)...)
	ok6 := with(socket(sys.Inet6), append(setup("set 7 41 26 1", "bind 7 [::1]:5", "listen 7 3"), at)...)
	both := with(socket(sys.Inet6), append(setup("set 7 41 26 0", "bind 7 [::]:5", "listen 7 4096"), at)...)
	only := with(socket(sys.Inet6), append(setup("set 7 41 26 1", "bind 7 [::]:5", "listen 7 4096"), at)...)
	none6 := call{want: "socket 2", n: -1, e: sys.EAFNOSUPPORT}
	back := append(with(none6, socket(sys.Inet4)), append(setup("", "bind 7 0.0.0.0:5", "listen 7 4096"), at)...)
	refused := slices.Clone(both)
	refused[1].e, refused[2].e = sys.EPERM, sys.EPERM
	for _, c := range []struct {
		network string
		a       sys.Addr
		backlog int
		calls   []call
		err     string
	}{
		{"tcp", four, 0, ok4, ""},
		{"tcp", six, 3, ok6, ""},
		{"tcp6", six, 3, ok6, ""},
		{"tcp", any6, 0, both, ""},
		{"tcp6", any6, 0, only, ""},
		{"tcp", any6, 0, back, ""},
		{"tcp", any6, 0, refused, ""},
		{"tcp6", any6, 0, []call{none6}, "socket: address family not supported by protocol"},
		{"tcp", six, 0, []call{none6}, "socket: address family not supported by protocol"},
		{"tcp", any6, 0, []call{{want: "socket 2", n: -1, e: sys.EMFILE}}, "socket: too many open files"},
		{"tcp", any6, 0, []call{none6, {want: "socket 1", n: -1, e: sys.EPERM}}, "socket: operation not permitted"},
		{"tcp6", any6, 0, fail(only, 2, sys.EPERM), "setsockopt IPV6_V6ONLY: operation not permitted"},
		{"tcp", six, 3, fail(ok6, 2, sys.ENOPROTOOPT), "setsockopt IPV6_V6ONLY: protocol not available"},
		{"tcp", four, 0, fail(ok4, 6, sys.EPERM), "bind: operation not permitted"},
		{"tcp", four, 0, fail(ok4, 6, sys.EADDRINUSE), "bind: address already in use"},
		{"tcp", four, 0, fail(ok4, 7, sys.EPERM), "listen: operation not permitted"},
		{"tcp", four, 0, fail(ok4, 8, sys.EPERM), "getsockname: operation not permitted"},
	} {
		k := &script{t: t, name: c.network + " " + text(c.a), calls: slices.Clone(c.calls)}
		num, bound, err := fd.Listen(k, c.network, c.a, &fd.Options{}, c.backlog)
		if c.err == "" && (err != nil || num != 7 || bound != at.at) {
			t.Errorf("%s: %d at %v, %v", k.name, num, bound, err)
		}
		if c.err != "" && (err == nil || err.Error() != c.err || num != -1 || bound.AP.Port() != 5) {
			t.Errorf("%s: %d at %v, %v, want %s", k.name, num, bound, err, c.err)
		}
		k.done()
	}
	k := &script{t: t, name: "asked for", calls: append(with(socket(sys.Inet4), calls("set 7 1 2 1")...), call{want: "set 7 1 8 9", e: sys.EPERM}, closed)}
	if num, _, err := fd.Listen(k, "tcp", four, &fd.Options{RecvBuffer: 9}, 0); num != -1 || err == nil || err.Error() != "setsockopt: operation not permitted" {
		t.Errorf("%d, %v", num, err)
	}
	k.done()
}

// The socket of a listener that is gone is taken over: one that refuses a connection, and
// nothing else.
func TestOnlyAnAbandonedUnixPathIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	dead, file, absent := filepath.Join(dir, "dead"), filepath.Join(dir, "file"), filepath.Join(dir, "absent")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inUse := func(path string) []call {
		return []call{{want: "socket 3", n: 7}, {want: "bind 7 " + path, e: sys.EADDRINUSE}}
	}
	ask := func(e sys.Errno) []call {
		return append(inUse(dead), call{want: "socket 3", n: 8}, call{want: "connect 8 " + dead, e: e}, call{want: "close 8"})
	}
	refuse := call{want: "close 7"}
	at := call{want: "local 7", at: sys.Addr{Family: sys.Unix, Path: "/x"}}
	for _, c := range []struct {
		name, path string
		calls      []call
		taken      bool
	}{
		{"refused", dead, append(ask(sys.ECONNREFUSED), call{want: "bind 7 " + dead}, call{want: "listen 7 4096"}, at), true},
		{"refused, and gone again", dead, append(ask(sys.ECONNREFUSED), call{want: "bind 7 " + dead, e: sys.EADDRINUSE}, refuse), true},
		{"served", dead, append(ask(0), refuse), false},
		{"backlog full", dead, append(ask(sys.EAGAIN), refuse), false},
		{"no descriptor", dead, append(inUse(dead), call{want: "socket 3", n: -1, e: sys.EMFILE}, refuse), false},
		{"not in use", dead, []call{{want: "socket 3", n: 7}, {want: "bind 7 " + dead, e: sys.EACCES}, refuse}, false},
		{"a file", file, append(inUse(file), refuse), false},
		{"nothing there", absent, append(inUse(absent), refuse), false},
		{"unnamed", "", []call{{want: "socket 3", n: 7}, {want: "bind 7 ", e: sys.EINVAL}, refuse}, false},
		{"abstract", "@" + dead, append(inUse("@"+dead), refuse), false},
	} {
		os.Remove(dead)
		leaveBehind(t, dead)
		k := &script{t: t, name: c.name, calls: c.calls}
		listens := slices.ContainsFunc(c.calls, func(c call) bool { return c.want == "listen 7 4096" })
		num, bound, err := fd.Listen(k, "unix", sys.Addr{Family: sys.Unix, Path: c.path}, &fd.Options{}, 0)
		if (err == nil) != listens || listens && (num != 7 || bound != at.at) || !listens && num != -1 {
			t.Errorf("%s: %d at %v, %v", c.name, num, bound, err)
		}
		if _, err := os.Lstat(dead); (err != nil) != c.taken {
			t.Errorf("%s: the socket: %v", c.name, err)
		}
		if _, err := os.Lstat(file); err != nil {
			t.Errorf("%s: a file was removed", c.name)
		}
		k.done()
	}
	nowhere := filepath.Join(dir, "no", "socket")
	k := &script{t: t, name: "no directory", calls: []call{{want: "socket 3", n: 7}, refuse}}
	if num, _, err := fd.Listen(k, "unix", sys.Addr{Family: sys.Unix, Path: nowhere}, &fd.Options{}, 0); num != -1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%d, %v", num, err)
	}
	k.done()
	if left, _ := filepath.Glob(filepath.Join(dir, "*lock*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDialMakesTheseCalls(t *testing.T) {
	to, anyPort, port := inet("192.0.2.1:80"), inet("127.0.0.1:0"), inet("127.0.0.1:9")
	file := sys.Addr{Family: sys.Unix, Path: "/x"}
	options := append([]call{socket(sys.Inet4)}, calls(plain...)...)
	connect := call{want: "connect 7 192.0.2.1:80"}
	with := func(more ...call) []call { return append(slices.Clone(options), more...) }
	closed := call{want: "close 7"}
	for _, c := range []struct {
		name   string
		to     sys.Addr
		source *sys.Addr
		o      fd.Options
		calls  []call
		num    int
		call   string
		e      sys.Errno
	}{
		{"at once", to, nil, fd.Options{}, with(connect), 7, "connect", 0},
		{"in progress", to, nil, fd.Options{}, with(call{want: connect.want, e: sys.EINPROGRESS}), 7, "connect", sys.EINPROGRESS},
		{"refused", to, nil, fd.Options{}, with(call{want: connect.want, e: sys.EPERM}, closed), -1, "connect", sys.EPERM},
		{"no socket", to, nil, fd.Options{}, []call{{want: "socket 1", n: -1, e: sys.EMFILE}}, -1, "socket", sys.EMFILE},
		{"option", to, nil, fd.Options{RecvBuffer: 9}, []call{socket(sys.Inet4), {want: "set 7 1 8 9", e: sys.EPERM}, closed}, -1, "setsockopt", sys.EPERM},
		{"option, source", to, &port, fd.Options{RecvBuffer: 9}, []call{socket(sys.Inet4), {want: "set 7 1 8 9", e: sys.EPERM}, closed}, -1, "setsockopt", sys.EPERM},
		{"source", to, &port, fd.Options{}, with(call{want: "bind 7 127.0.0.1:9"}, connect), 7, "connect", 0},
		{"source without port", to, &anyPort, fd.Options{}, with(call{want: "set 7 0 24 1", e: sys.EPERM}, call{want: "bind 7 127.0.0.1:0"}, connect), 7, "connect", 0},
		{"port at bind", to, &anyPort, fd.Options{PortAtBind: true}, with(call{want: "bind 7 127.0.0.1:0"}, connect), 7, "connect", 0},
		{"source refused", to, &port, fd.Options{}, with(call{want: "bind 7 127.0.0.1:9", e: sys.EADDRINUSE}, closed), -1, "bind", sys.EADDRINUSE},
		{"unix", file, &file, fd.Options{}, []call{socket(sys.Unix), {want: "bind 7 /x"}, {want: "connect 7 /x", e: sys.EAGAIN}, closed}, -1, "connect", sys.EAGAIN},
	} {
		k := &script{t: t, name: c.name, calls: c.calls}
		num, call, e := fd.Dial(k, c.to, c.source, &c.o)
		if num != c.num || call != c.call || e != c.e {
			t.Errorf("%s: %d, %s, %v", c.name, num, call, e)
		}
		k.done()
	}
}

func TestConnectionIsAskedForBytesFirst(t *testing.T) {
	a := inet("192.0.2.1:80")
	look := func(n int, e sys.Errno) call { return call{want: "recv 7 1 2", n: n, e: e} }
	connect := func(e sys.Errno) call { return call{want: "connect 7 192.0.2.1:80", e: e} }
	for name, c := range map[string]struct {
		calls []call
		e     sys.Errno
	}{
		"bytes":     {[]call{look(1, 0)}, 0},
		"end":       {[]call{look(0, 0), connect(sys.EISCONN)}, 0},
		"silent":    {[]call{look(-1, sys.EAGAIN), connect(sys.EISCONN)}, 0},
		"not yet":   {[]call{look(-1, sys.ENOTCONN), connect(sys.EALREADY)}, sys.EALREADY},
		"not known": {[]call{look(-1, sys.EAGAIN), connect(sys.EALREADY)}, sys.EALREADY},
		"now":       {[]call{look(-1, sys.ENOTCONN), connect(0)}, 0},
		"refused":   {[]call{look(-1, sys.ECONNREFUSED)}, sys.ECONNREFUSED},
		"forbidden": {[]call{look(-1, sys.EPERM)}, sys.EPERM},
		"failed":    {[]call{look(0, 0), connect(sys.EPERM)}, sys.EPERM},
	} {
		k := &script{t: t, name: name, calls: c.calls}
		if e := fd.Connected(k, 7, a); e != c.e {
			t.Errorf("%s: %v, want %v", name, e, c.e)
		}
		k.done()
	}
}

func TestSocketThatIsItsOwnPeerIsKnown(t *testing.T) {
	a := inet("127.0.0.1:80")
	for name, c := range map[string]struct {
		a     sys.Addr
		calls []call
		want  bool
	}{
		"itself":       {a, []call{{want: "local 7", at: a}}, true},
		"another port": {a, []call{{want: "local 7", at: inet("127.0.0.1:81")}}, false},
		"another host": {a, []call{{want: "local 7", at: inet("127.0.0.2:80")}}, false},
		"no answer":    {a, []call{{want: "local 7", at: a, e: sys.EPERM}}, false},
		"unix":         {sys.Addr{Family: sys.Unix, Path: "/x", AP: netip.AddrPort{}}, nil, false},
	} {
		k := &script{t: t, name: name, calls: c.calls}
		if got := fd.SelfConnected(k, 7, c.a); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		k.done()
	}
}
