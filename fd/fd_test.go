package fd_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
)

// pair answers a connected FD and its peer, a plain number.
func pair(t *testing.T, network string) (sys.Kernel, *fd.FD, int) {
	t.Helper()
	k, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	a := sys.Addr{Family: sys.Inet4, AP: netip.MustParseAddrPort("127.0.0.1:0")}
	if network == "unix" {
		a = sys.Addr{Family: sys.Unix, Path: "@penstock-fd-test"}
	}
	ln, bound, err := fd.Listen(k, network, a, &fd.Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.CloseNum(k, ln)
	num, call, e := fd.Dial(k, bound, nil, &fd.Options{})
	if e != 0 && e != sys.EINPROGRESS {
		t.Fatal(call, e)
	}
	var peer int
	for peer, _, e = k.Accept(ln); e == sys.EAGAIN; peer, _, e = k.Accept(ln) {
		time.Sleep(time.Millisecond)
	}
	if e != 0 {
		t.Fatal(e)
	}
	d := fd.Own(num, a.Family)
	t.Cleanup(func() { d.Close(k); unix.Close(peer) })
	return k, &d, peer
}

// The kernel hands a reset out once. Whoever meets it first keeps it, so that a
// read of 0 after it is not the end of the stream.
func TestFirstErrorIsKept(t *testing.T) {
	k, d, peer := pair(t, "tcp")
	unix.SetsockoptLinger(peer, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	null, _ := unix.Open("/dev/null", unix.O_RDONLY, 0)
	unix.Dup2(null, peer) // closes the socket, with a reset, and keeps the number
	unix.Close(null)
	time.Sleep(20 * time.Millisecond)
	if _, e := d.Send(k, []byte("x")); e != sys.ECONNRESET {
		t.Fatalf("the send met %v", e)
	}
	if n, e := k.Recv(d.Num(), make([]byte, 1), 0); n != 0 || e != 0 {
		t.Fatalf("the kernel's own answer is %d, %v: this test stands on 0 and no error", n, e)
	}
	for range 2 {
		if n, e := d.Recv(k, make([]byte, 1)); n != 0 || e != sys.ECONNRESET {
			t.Errorf("recv: %d, %v, want the reset that the send met", n, e)
		}
	}
	if d.ReadEnded() {
		t.Error("a reset was taken for the end")
	}
}

// Of two errors the first says why the connection ended: after a reset every send
// answers EPIPE.
func TestSecondErrorDoesNotReplaceTheFirst(t *testing.T) {
	testkit.Leaks(t)
	var d fd.FD
	d.Fail(sys.ECONNRESET)
	d.Fail(sys.EPIPE)
	if d.Err() != sys.ECONNRESET {
		t.Errorf("%v", d.Err())
	}
}

func TestShortReadClearsReadableOnlyWhereItProvesSomething(t *testing.T) {
	buf := make([]byte, 100)
	for _, try := range []struct {
		network string
		ready   fd.Ready
		left    bool // is Readable left?
	}{
		{"tcp", fd.Readable, false},
		{"tcp", fd.Readable | fd.Ended, true},  // an end may stand behind the bytes
		{"tcp", fd.Readable | fd.Urgent, true}, // recv stops at the mark
		{"unix", fd.Readable, true},            // recv stops where descriptors were passed
	} {
		k, d, peer := pair(t, try.network)
		unix.Write(peer, []byte("short"))
		time.Sleep(5 * time.Millisecond)
		d.Note(try.ready)
		if n, e := d.Recv(k, buf); n != 5 || e != 0 {
			t.Fatal(n, e)
		}
		if left := d.Ready()&fd.Readable != 0; left != try.left {
			t.Errorf("%s %b: readable after a short read: %v", try.network, try.ready, left)
		}
		for d.Ready()&fd.Readable != 0 {
			if _, e := d.Recv(k, buf); e != sys.EAGAIN {
				t.Fatal(e)
			}
		}
	}
}

// With an urgent mark in front, splice answers EAGAIN, and 0 once a FIN has come,
// with bytes behind the mark. Neither is believed.
func TestDrainDoesNotTakeAnUrgentMarkForTheEnd(t *testing.T) {
	k, d, peer := pair(t, "tcp")
	r, w, _ := k.Pipe()
	defer fd.CloseNum(k, r)
	defer fd.CloseNum(k, w)
	unix.Send(peer, []byte("!"), unix.MSG_OOB)
	unix.Write(peer, []byte("behind the mark"))
	unix.Shutdown(peer, unix.SHUT_WR)
	time.Sleep(20 * time.Millisecond)
	d.Note(fd.Readable | fd.Ended)
	if n, _, e := d.Drain(k, w, 1<<16); n != 0 || e != sys.EAGAIN || d.Ready()&fd.Urgent == 0 || d.ReadEnded() {
		t.Fatalf("%d, %v, ready %b, ended %v", n, e, d.Ready(), d.ReadEnded())
	}
	buf := make([]byte, 100)
	n, e := d.Recv(k, buf)
	if e != 0 || string(buf[:n]) != "behind the mark" {
		t.Errorf("%q, %v", buf[:max(n, 0)], e)
	}
	if n, e := d.Recv(k, buf); n != 0 || e != 0 || !d.ReadEnded() {
		t.Errorf("%d, %v, ended %v", n, e, d.ReadEnded())
	}
}

func TestAddressesFromOutside(t *testing.T) {
	for _, good := range []struct{ network, address, want string }{
		{"tcp", "127.0.0.1:80", "127.0.0.1:80"}, {"tcp", ":80", "[::]:80"}, {"tcp4", ":80", "0.0.0.0:80"},
		{"tcp", "[fe80::1%1]:80", "[fe80::1%lo]:80"}, {"tcp", "[fe80::1%4000000000]:80", "[fe80::1%4000000000]:80"}, {"tcp", "[::ffff:1.2.3.4]:5", "1.2.3.4:5"}, {"unix", "@x", "@x"}, {"unix", "/x", "/x"},
	} {
		a, literal, err := fd.ParseAddr(good.network, good.address)
		if err != nil || !literal || fd.NetAddr(a).String() != good.want || a.AP.Addr().Is4In6() {
			t.Errorf("%s %s: %v, %v, %v", good.network, good.address, fd.NetAddr(a), literal, err)
		}
	}
	for _, name := range []string{"localhost:80", "127.0.0.1:http", ":http", "[fe80::1%lo]:80", "[fe80::1%4294967296]:80"} {
		if _, literal, err := fd.ParseAddr("tcp", name); literal || err != nil {
			t.Errorf("%s: literal %v, %v", name, literal, err)
		}
	}
	for _, good := range []string{"x", "@a\x00b"} { // a name may have zeros in it
		if a, literal, err := fd.ParseAddr("unix", good); err != nil || !literal || a != (sys.Addr{Family: sys.Unix, Path: good}) {
			t.Errorf("%q: %+v, %v, %v", good, a, literal, err)
		}
	}
}

// An error says what was wrong with which part, and that no look-up would help.
func TestAddressThatIsNoneIsExplained(t *testing.T) {
	long := "/" + strings.Repeat("x", sys.MaxPath)
	for _, bad := range []struct{ network, address, want string }{
		{"udp", "1.2.3.4:5", `penstock: network "udp": must be tcp, tcp4, tcp6 or unix`},
		{"tcp", "1.2.3.4", `penstock: address "1.2.3.4": must be host:port: address 1.2.3.4: missing port in address`},
		{"tcp", "1.2.3.4:", `penstock: address "1.2.3.4:": port "": must be 0 to 65535 or a service's name`},
		{"tcp", "1.2.3.4:65536", `penstock: address "1.2.3.4:65536": port "65536": must be 0 to 65535 or a service's name`},
		{"tcp4", "[::1]:5", `penstock: address [::1]:5: not an address of network tcp4`},
		{"tcp6", "1.2.3.4:5", `penstock: address 1.2.3.4:5: not an address of network tcp6`},
		{"unix", "", `penstock: unix address "": must be a path, or @name in the abstract namespace`},
		{"unix", "@", `penstock: unix address "@": must be a path, or @name in the abstract namespace`},
		{"unix", long, fmt.Sprintf("penstock: unix address %q: 108 bytes are too long, at most 107", long)},
		{"unix", "/a\x00b", `penstock: unix address "/a\x00b": the path contains a zero byte, at which the kernel would cut it off`},
	} {
		if _, literal, err := fd.ParseAddr(bad.network, bad.address); err == nil || !literal || err.Error() != bad.want {
			t.Errorf("%s %s: literal %v, %v, want %s", bad.network, bad.address, literal, err, bad.want)
		}
	}
	for network, want := range map[string]bool{"tcp": true, "tcp4": false, "tcp6": true} {
		if _, err := fd.Inet(network, netip.MustParseAddrPort("[::1]:5")); (err == nil) != want {
			t.Errorf("%s: %v", network, err)
		}
	}
	_, err := fd.Inet("tcp", netip.MustParseAddrPort("[fe80::1%nosuchif]:80"))
	if want := `penstock: address [fe80::1%nosuchif]:80: zone "nosuchif": `; err == nil || !strings.HasPrefix(err.Error(), want) || errors.Unwrap(err) == nil {
		t.Errorf("%v, want %s", err, want)
	}
}

// The name of a zone becomes the index of its interface, and comes back as a name.
func TestZonesHaveNames(t *testing.T) {
	testkit.Leaks(t)
	a, err := fd.Inet("tcp", netip.MustParseAddrPort("[fe80::1%lo]:80"))
	if err != nil || a.Zone == 0 || fd.NetAddr(a).String() != "[fe80::1%lo]:80" {
		t.Errorf("%+v, %v, %v", a, fd.NetAddr(a), err)
	}
	if a, err := fd.Inet("tcp", netip.MustParseAddrPort("[fe80::1%nosuchif]:80")); err == nil {
		t.Errorf("%+v", a)
	}
}

// An urgent byte in front of the end is read with it: left in the queue, it would
// turn our close into a reset.
func TestEndBehindAnUrgentByteClosesInOrder(t *testing.T) {
	k, d, peer := pair(t, "tcp")
	r, w, _ := k.Pipe()
	defer fd.CloseNum(k, r)
	defer fd.CloseNum(k, w)
	unix.Send(peer, []byte("!"), unix.MSG_OOB)
	unix.Shutdown(peer, unix.SHUT_WR)
	time.Sleep(20 * time.Millisecond)
	if n, _, e := d.Drain(k, w, 1<<16); n != 0 || e != 0 || !d.ReadEnded() {
		t.Fatalf("%d, %v, ended %v", n, e, d.ReadEnded())
	}
	d.Close(k)
	time.Sleep(20 * time.Millisecond)
	if n, err := unix.Read(peer, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the peer reads %d, %v, want the end", n, err)
	}
}

// atEnd is a kernel whose reads find the end.
type atEnd struct{ sys.Kernel }

func (atEnd) Recv(int, []byte, int) (int, sys.Errno) { return 0, 0 }

// EPIPE of a TCP socket may stand for a reset that splice(2) told nobody, and the 0
// behind it is no end; of a Unix socket it says only that the peer does not read.
func TestEPIPEIsNoEndOfTCP(t *testing.T) {
	for family, want := range map[sys.Family]sys.Errno{sys.Inet4: sys.EPIPE, sys.Unix: 0} {
		d := fd.Own(1000, family)
		d.Fail(sys.EPIPE)
		if _, e := d.Recv(atEnd{}, make([]byte, 1)); e != want || d.ReadEnded() != (want == 0) {
			t.Errorf("family %d: %v, end %v", family, e, d.ReadEnded())
		}
	}
}
