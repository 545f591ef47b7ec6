package fd_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// refusing is a kernel that refuses some calls, as a sandbox does.
type refusing struct {
	sys.Kernel
	splice sys.Errno         // of every splice
	option map[int]sys.Errno // of these options
}

func (k *refusing) Splice(from, to, n int) (int, sys.Errno) {
	if k.splice != 0 {
		return 0, k.splice
	}
	return k.Kernel.Splice(from, to, n)
}

func (k *refusing) SetOption(num, level, name, value int) sys.Errno {
	if e := k.option[name]; e != 0 {
		return e
	}
	return k.Kernel.SetOption(num, level, name, value)
}

var refusals = []sys.Errno{sys.EINVAL, sys.ENOSYS, sys.EOPNOTSUPP, sys.EPERM, sys.EACCES}

// A splice that is not allowed says nothing of the socket: its bytes, its silence and its
// end are as they are, and recv tells them.
func TestRefusedSpliceIsNoErrorOfTheSocket(t *testing.T) {
	for _, e := range refusals {
		for _, state := range []string{"bytes", "silent", "end", "closed"} {
			for _, network := range []string{"tcp", "unix"} {
				host, d, peer := pair(t, network)
				k := &refusing{Kernel: host, splice: e}
				want := 0
				switch state {
				case "bytes":
					unix.Write(peer, []byte("x"))
					want = 1
				case "end":
					unix.Shutdown(peer, unix.SHUT_WR)
				case "closed":
					unix.Shutdown(peer, unix.SHUT_RDWR) // what close(2) tells the other side
				}
				time.Sleep(5 * time.Millisecond)
				d.Note(fd.Readable)
				if n, refused, got := d.Drain(k, 0, 1<<16); n != 0 || !refused || got != e || d.Err() != 0 {
					t.Fatalf("%v %s %s: %d, refused %v, %v; error kept %v", e, state, network, n, refused, got, d.Err())
				}
				n, got := d.Recv(k, make([]byte, 10))
				if n != want || (state == "silent") != (got == sys.EAGAIN) || (state == "end" || state == "closed") != d.ReadEnded() {
					t.Errorf("%v %s %s: recv %d, %v, ended %v", e, state, network, n, got, d.ReadEnded())
				}
			}
		}
	}
}

// EACCES may be the socket's own error, which splice took from whoever reads: the 0
// behind it is a cut, and no end.
func TestErrorThatLooksLikeARefusalIsNotTakenForTheEnd(t *testing.T) {
	for _, e := range []sys.Errno{sys.EACCES, sys.EOPNOTSUPP, sys.EPERM} {
		host, d, peer := pair(t, "tcp")
		k := &refusing{Kernel: host, splice: e}
		unix.SetsockoptLinger(peer, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(peer)
		time.Sleep(5 * time.Millisecond)
		unix.GetsockoptInt(d.Num(), unix.SOL_SOCKET, unix.SO_ERROR) // taken, as splice would take it
		d.Note(fd.Readable | fd.Ended | fd.Broken)
		d.Drain(k, 0, 1<<16)
		if n, got := d.Recv(k, make([]byte, 10)); n != 0 || got != e || d.ReadEnded() {
			t.Errorf("%v: recv %d, %v, ended %v", e, n, got, d.ReadEnded())
		}
	}
}

// A reset that waits in the socket is not lost to the look at whether splice was refused.
func TestRefusedSpliceLosesNoReset(t *testing.T) {
	for _, e := range refusals {
		host, d, peer := pair(t, "tcp")
		k := &refusing{Kernel: host, splice: e}
		unix.SetsockoptLinger(peer, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Close(peer)
		time.Sleep(5 * time.Millisecond)
		d.Note(fd.Readable | fd.Ended | fd.Broken)
		d.Drain(k, 0, 1<<16)
		if n, got := d.Recv(k, make([]byte, 10)); n != 0 || got != sys.ECONNRESET || d.ReadEnded() {
			t.Errorf("%v: recv %d, %v, ended %v", e, n, got, d.ReadEnded())
		}
	}
}

// What the caller asked for is vital, what is our own default is not.
func TestOptionIsVitalOnlyIfItWasAskedFor(t *testing.T) {
	for _, o := range []struct {
		name  int
		asked fd.Options
	}{
		{sys.TCPNoDelay, fd.Options{}}, // nobody can ask for the default
		{sys.SoKeepalive, fd.Options{KeepAlive: time.Minute}},
		{sys.TCPKeepIdle, fd.Options{KeepAlive: time.Minute}},
		{sys.TCPKeepIntvl, fd.Options{KeepAlive: time.Minute}},
		{sys.SoRcvbuf, fd.Options{RecvBuffer: 1 << 16}},
		{sys.SoSndbuf, fd.Options{SendBuffer: 1 << 16}},
		{sys.TCPUserTimeout, fd.Options{UserTimeout: time.Minute}},
		{sys.SoReusePort, fd.Options{ReusePort: true}},
	} {
		host, d, _ := pair(t, "tcp")
		k := &refusing{Kernel: host, option: map[int]sys.Errno{o.name: sys.ENOPROTOOPT}}
		if e := new(fd.Options).Set(k, d.Num(), sys.Inet4); e != 0 {
			t.Errorf("option %d, refused by default: %v", o.name, e)
		}
		if o.asked == (fd.Options{}) {
			continue
		}
		if e := o.asked.Set(k, d.Num(), sys.Inet4); e != sys.ENOPROTOOPT {
			t.Errorf("option %d, asked for: %v", o.name, e)
		}
	}
}

// A listener gets along without the options that nobody asked for; "tcp6" asks for IPv6
// alone.
func TestListenerGetsAlongWithoutOurOptions(t *testing.T) {
	host, _, _ := pair(t, "tcp")
	k := &refusing{Kernel: host, option: map[int]sys.Errno{
		sys.SoReuseAddr: sys.ENOPROTOOPT, sys.IPv6Only: sys.ENOPROTOOPT, sys.SoKeepalive: sys.ENOPROTOOPT,
		sys.TCPNoDelay: sys.ENOPROTOOPT, sys.IPBindAddressNoPort: sys.ENOPROTOOPT,
	}}
	for network, fine := range map[string]bool{"tcp": true, "tcp6": false} {
		a, _, err := fd.ParseAddr(network, ":0")
		if err != nil {
			t.Fatal(err)
		}
		num, _, err := fd.Listen(k, network, a, &fd.Options{}, 0)
		if (err == nil) != fine {
			t.Errorf("%s: %v", network, err)
		}
		if err == nil {
			fd.CloseNum(host, num)
		}
	}
}
