package conform

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
)

func host(t *testing.T) sys.Kernel {
	k, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	return k
}

func TestSimulationAnswersAsTheKernelDoes(t *testing.T) {
	testkit.Leaks(t)
	k := host(t)
	seed := rand.Uint64() >> 16
	for i := range uint64(1000) {
		if log, err := Sequence(k, seed+i); err != nil {
			t.Fatalf("%v\nafter:\n  %s\nreplay: go run ./proof conform -n 1 -seed %d", err, strings.Join(log, "\n  "), seed+i)
		}
	}
}

func TestWriterIsToldOfRoomAsLateAsTheKernelTells(t *testing.T) {
	testkit.Leaks(t)
	if err := Thresholds(host(t)); err != nil {
		t.Error(err)
	}
}

// eager is a kernel that tells of room at once.
type eager struct{ sys.Kernel }

func (k eager) EpollWait(epfd int, events []sys.Event, timeout int64) (int, sys.Errno) {
	n, e := k.Kernel.EpollWait(epfd, events, timeout)
	if e == 0 && n == 0 {
		events[0] = sys.MakeEvent(sys.EpollOut, 0)
		return 1, 0
	}
	return n, e
}

func TestEagerKernelIsNoticed(t *testing.T) {
	testkit.Leaks(t)
	if err := Thresholds(eager{host(t)}); err == nil || !strings.Contains(err.Error(), "told of room") {
		t.Errorf("a kernel that tells of room at once was not told from the simulation: %v", err)
	}
}

// liar is a kernel that says something else in one case.
type liar struct{ sys.Kernel }

func (l liar) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	n, e := l.Kernel.Recv(fd, p, flags)
	if e == sys.ECONNRESET {
		return 0, 0 // a reset that reads as an end
	}
	return n, e
}

func TestDifferenceIsNoticed(t *testing.T) {
	k := liar{host(t)}
	for seed := range uint64(2000) {
		if _, err := Sequence(k, seed); err != nil {
			if !strings.Contains(err.Error(), "connection reset") {
				t.Fatal(err)
			}
			return
		}
	}
	t.Error("a kernel that hides resets was not told from the simulation")
}

func TestCommand(t *testing.T) {
	host(t)
	var out bytes.Buffer
	if err := Run([]string{"-n", "5", "-seed", "7"}, &out); err != nil || !strings.Contains(out.String(), "5 sequences from seed 7") {
		t.Errorf("%v: %s", err, &out)
	}
	if err := Run([]string{"-n", "0"}, &out); err == nil || !strings.Contains(err.Error(), "-n 0") {
		t.Errorf("-n 0: %v", err)
	}
}
