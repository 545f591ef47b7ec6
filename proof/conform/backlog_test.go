package conform

import (
	"testing"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
)

// fillBacklog connects to a Unix listener until it is refused, and answers how often that
// went well, the error, and what connect says once nobody listens.
func fillBacklog(t *testing.T, k sys.Kernel) (connected int, full, gone sys.Errno) {
	s, err := newSide(k, sys.Unix)
	if err != nil {
		t.Fatal(err)
	}
	if e := k.Listen(s.ln, 3); e != 0 {
		t.Fatal(e)
	}
	connect := func() sys.Errno {
		num, e := k.Socket(sys.Unix)
		if e != 0 {
			t.Fatal(e)
		}
		t.Cleanup(func() { k.Close(num) })
		return k.Connect(num, s.addr)
	}
	for full = connect(); full == 0 && connected < 100; full = connect() {
		connected++
	}
	k.Close(s.ln)
	return connected, full, connect()
}

func TestFullUnixBacklogIsFullInTheSimulation(t *testing.T) {
	testkit.Leaks(t)
	n, full, gone := fillBacklog(t, host(t))
	m, simFull, simGone := fillBacklog(t, simkernel.New(simkernel.Config{}))
	if n != m || full != simFull || gone != simGone || full != sys.EAGAIN {
		t.Errorf("the kernel: %d connections, then %v, then %v; the simulation: %d, %v, %v", n, full, gone, m, simFull, simGone)
	}
}
