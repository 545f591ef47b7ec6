package fd_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// An address from outside is taken or refused with an error that names it; what is
// taken can be said again, and means the same.
func FuzzParseAddr(f *testing.F) {
	for _, network := range []string{"tcp", "tcp4", "tcp6", "unix", "udp", ""} {
		for _, address := range []string{"127.0.0.1:80", ":0", "[::1]:8080", "[fe80::1%lo]:1", "@name", "/tmp/x", "", "a:b:c", "host:http", "1.2.3.4:99999", "[::ffff:1.2.3.4]:5"} {
			f.Add(network, address)
		}
	}
	f.Fuzz(func(t *testing.T, network, address string) {
		a, literal, err := fd.ParseAddr(network, address)
		if err != nil || !literal {
			return
		}
		if a.Family == 0 {
			t.Fatalf("%q %q: no family", network, address)
		}
		said := fd.NetAddr(a)
		if strings.Contains(said.String(), "%") {
			return // a zone is said by name, where it has one
		}
		again, literal, err := fd.ParseAddr(said.Network(), said.String())
		if err != nil || !literal || again != a && a.AP.Addr() != netip.IPv6Unspecified() {
			t.Fatalf("%q %q is %+v; said again it is %+v (%v, %v)", network, address, a, again, literal, err)
		}
	})
}

// Options from outside set what they say, or nothing: no time becomes 0 where 0
// means something else.
func FuzzOptions(f *testing.F) {
	f.Add(int64(0), int64(0), 0, 0)
	f.Add(int64(1), int64(1), 1, -1)
	f.Add(int64(-1), int64(1<<62), 1<<40, 4096)
	f.Fuzz(func(t *testing.T, keep, user int64, send, recv int) {
		k := simkernel.New(simkernel.Config{})
		num, _ := k.Socket(sys.Inet4)
		o := fd.Options{KeepAlive: time.Duration(keep), UserTimeout: time.Duration(user), SendBuffer: send, RecvBuffer: recv}
		before := k.Count[simkernel.SetOption]
		if e := o.Set(recorder{k, t}, num, sys.Inet4); e != 0 {
			t.Fatal(e)
		}
		if calls := k.Count[simkernel.SetOption] - before; calls > 8 {
			t.Fatalf("%d options set", calls)
		}
	})
}

// A recorder looks at the options that are set.
type recorder struct {
	*simkernel.Kernel
	t *testing.T
}

func (r recorder) SetOption(num, level, name, value int) sys.Errno {
	if value != int(int32(value)) || value < 1 {
		r.t.Errorf("option %d of level %d set to %d", name, level, value)
	}
	return r.Kernel.SetOption(num, level, name, value)
}
