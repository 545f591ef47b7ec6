package fd_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
)

// slowListen is the host's kernel that takes its time between bind and listen.
type slowListen struct{ sys.Kernel }

func (k slowListen) Listen(num, backlog int) sys.Errno {
	time.Sleep(300 * time.Microsecond)
	return k.Kernel.Listen(num, backlog)
}

func hostKernel(t *testing.T) sys.Kernel {
	t.Helper()
	k, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	return k
}

// leaveBehind makes the socket of a listener that is gone.
func leaveBehind(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
}

// listenAtOnce starts n servers on one path at the same time, and returns the descriptors
// of those that listen.
func listenAtOnce(t *testing.T, k sys.Kernel, path string, n int) (listening []int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for range n {
		all.Go(func() {
			<-start
			num, _, err := fd.Listen(k, "unix", sys.Addr{Family: sys.Unix, Path: path}, &fd.Options{}, 0)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				listening = append(listening, num)
			} else if !errors.Is(err, sys.EADDRINUSE) {
				t.Errorf("listen: %v", err)
			}
		})
	}
	close(start)
	all.Wait()
	return listening
}

// serves reports whether a connection to path arrives at the listener.
func serves(k sys.Kernel, path string, listener int) bool {
	c, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	defer c.Close()
	num, _, e := k.Accept(listener)
	if e == 0 {
		fd.CloseNum(k, num)
	}
	return e == 0
}

// Of several servers that start on one path at once one listens, be the path free or left
// behind by another, and its socket is the one at the path.
func TestOneOfManyServersGetsAUnixPath(t *testing.T) {
	testkit.Leaks(t)
	host := hostKernel(t)
	k := slowListen{host}
	dir := t.TempDir()
	for round := range 300 {
		path := filepath.Join(dir, fmt.Sprint(round))
		if round%3 != 0 {
			leaveBehind(t, path)
		}
		listening := listenAtOnce(t, k, path, 6)
		if len(listening) != 1 || !serves(k, path, listening[0]) {
			t.Fatalf("round %d: %d servers say that they listen", round, len(listening))
		}
		fd.CloseNum(k, listening[0])
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*lock*")); len(left) > 0 {
		t.Errorf("locks were left behind: %v", left)
	}
}

// A server that ends while others start on its path does not take it from them.
func TestUnixPathIsHandedOverToOne(t *testing.T) {
	testkit.Leaks(t)
	k := hostKernel(t)
	path := filepath.Join(t.TempDir(), "socket")
	old := listenAtOnce(t, k, path, 1)[0]
	for round := range 300 {
		file, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		var ends sync.WaitGroup
		ends.Go(func() { fd.Unlink(path, file); fd.CloseNum(k, old) })
		var next []int
		for len(next) == 0 {
			next = listenAtOnce(t, k, path, 4)
		}
		ends.Wait()
		if len(next) != 1 || !serves(k, path, next[0]) {
			t.Fatalf("round %d: %d successors", round, len(next))
		}
		old = next[0]
	}
	fd.CloseNum(k, old)
}

// The number of an inode comes again. A socket made later at the path is another one.
func TestUnlinkKnowsASocketByItsTime(t *testing.T) {
	testkit.Leaks(t)
	path := filepath.Join(t.TempDir(), "socket")
	leaveBehind(t, path)
	file, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	later := file.ModTime().Add(time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	fd.Unlink(path, file)
	if _, err := os.Lstat(path); err != nil {
		t.Error("a successor's socket was removed")
	}
	if file, err = os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	fd.Unlink(path, file)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// A lock that its holder keeps is waited for, and not for ever.
func TestLockOfAUnixPathIsNotWaitedForForEver(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	k := hostKernel(t)
	path := filepath.Join(t.TempDir(), "socket")
	lock, busy, err := sys.LockFile(path + ".penstock-lock")
	if err != nil || busy {
		t.Fatal(busy, err)
	}
	a := sys.Addr{Family: sys.Unix, Path: path}
	if num, _, err := fd.Listen(k, "unix", a, &fd.Options{}, 0); err == nil {
		fd.CloseNum(k, num)
		t.Error("a path that is locked was taken")
	} else if want := "lock of the unix path: " + path + ".penstock-lock has been locked for 5s by another process"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	lock.Close() // as by a process that dies: the file stays
	num, _, err := fd.Listen(k, "unix", a, &fd.Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd.CloseNum(k, num)
}

// pathEnv tells the test binary to be a server on a Unix path.
const pathEnv = "PENSTOCK_TEST_UNIX_PATH"

// TestServerProcess is the server of TestProcessesKilledWhileTheyStart.
func TestServerProcess(t *testing.T) {
	path := os.Getenv(pathEnv)
	if path == "" {
		return // it is the main function of the processes of TestProcessesKilledWhileTheyStart
	}
	_, _, err := fd.Listen(hostKernel(t), "unix", sys.Addr{Family: sys.Unix, Path: path}, &fd.Options{}, 0)
	fmt.Printf("\n%v\n", err)
	if err == nil {
		bufio.NewReader(os.Stdin).ReadString('\n') // until it is killed
	}
}

// Processes that start on one path at once, and are killed at any moment of it, leave
// nothing behind that keeps the next from listening.
func TestProcessesKilledWhileTheyStart(t *testing.T) {
	testkit.Leaks(t)
	k := hostKernel(t)
	path := filepath.Join(t.TempDir(), "socket")
	for round := range 12 {
		var servers [4]*exec.Cmd
		for i := range servers {
			servers[i] = exec.Command(os.Args[0], "-test.run=^TestServerProcess$")
			servers[i].Env = append(os.Environ(), pathEnv+"="+path)
			if _, err := servers[i].StdinPipe(); err != nil {
				t.Fatal(err)
			}
			if err := servers[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(round) * 2 * time.Millisecond)
		for _, s := range servers {
			s.Process.Kill()
			s.Wait()
		}
		listening := listenAtOnce(t, k, path, 2)
		if len(listening) != 1 || !serves(k, path, listening[0]) {
			t.Fatalf("round %d: %d servers", round, len(listening))
		}
		fd.CloseNum(k, listening[0])
	}
}

func TestAbstractNamesOfAllLengths(t *testing.T) {
	testkit.Leaks(t)
	k := hostKernel(t)
	name := make([]byte, 0, 109)
	name = fmt.Appendf(name, "@penstock-%d-", os.Getpid())
	for len(name) < 108 {
		name = append(name, 'x')
	}
	a, literal, err := fd.ParseAddr("unix", string(name))
	if err != nil || !literal {
		t.Fatal(err)
	}
	ln, bound, err := fd.Listen(k, "unix", a, &fd.Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.CloseNum(k, ln)
	if bound != a || !serves(k, string(name), ln) {
		t.Errorf("bound to %q", bound.Path)
	}
	if _, _, err := fd.ParseAddr("unix", string(name)+"x"); err == nil {
		t.Error("a name of 108 bytes was taken")
	}
	if _, _, err := fd.ParseAddr("unix", "/tmp/a\x00b"); err == nil {
		t.Error("a path with a zero byte was taken")
	}
}
