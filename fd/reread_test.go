package fd_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A connection that has failed or ended before it is handed over has no event left that
// would tell its new owner: Reread makes it readable once more. One that is well is left
// as it is.
func TestRereadTellsAnErrorAsWellAsAnEnd(t *testing.T) {
	failed := fd.Own(3, sys.Inet4)
	failed.Fail(sys.ECONNRESET)
	failed.Clear(fd.Readable)
	failed.Reread()
	if failed.Ready()&fd.Readable == 0 {
		t.Error("a connection that has failed, without an end: not readable")
	}
	well := fd.Own(3, sys.Inet4)
	well.Reread()
	if well.Ready()&fd.Readable != 0 {
		t.Error("a connection that is well: readable")
	}
	k, ended, peer := pair(t, "tcp")
	if err := unix.Shutdown(peer, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	readEnd(t, k, ended)
	ended.Reread()
	if ended.ReadEnded() || ended.Ready()&fd.Readable == 0 {
		t.Errorf("a connection that has ended: end read %v, ready %b", ended.ReadEnded(), ended.Ready())
	}
	readEnd(t, k, ended)
}

func readEnd(t *testing.T, k sys.Kernel, d *fd.FD) {
	t.Helper()
	n, e := d.Recv(k, make([]byte, 1))
	for ; e == sys.EAGAIN; n, e = d.Recv(k, make([]byte, 1)) {
		time.Sleep(time.Millisecond)
	}
	if n != 0 || e != 0 || !d.ReadEnded() {
		t.Fatalf("%d, %v, end read %v", n, e, d.ReadEnded())
	}
}
