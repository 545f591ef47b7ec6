package sys

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPipeMovesExactlyWhatItIsAskedFor(t *testing.T) {
	k := hostOf(t)
	r, w, e := pipeOf(t, k)
	if e != 0 {
		t.Fatal(e)
	}
	a, b := unixPair(t)
	if _, e := k.Splice(a, w, 100); e != EAGAIN {
		t.Errorf("from a socket that has nothing: %v", e)
	}
	k.Send(b, []byte("hello"), 0)
	if n, e := k.Splice(a, w, 3); n != 3 || e != 0 {
		t.Errorf("socket to pipe: %d, %v", n, e)
	}
	if n, e := k.Splice(r, a, 3); n != 3 || e != 0 {
		t.Errorf("pipe to socket: %d, %v", n, e)
	}
	if _, e := k.Splice(r, a, 3); e != EAGAIN {
		t.Errorf("from an empty pipe: %v", e)
	}
	buf := make([]byte, 10)
	if n, e := k.Recv(b, buf, 0); n != 3 || e != 0 || string(buf[:3]) != "hel" {
		t.Errorf("%d, %v, %q", n, e, buf)
	}
}

func TestPipeHasTheSizeThatWasAskedFor(t *testing.T) {
	k := hostOf(t)
	r, w, e := pipeOf(t, k)
	if e != 0 {
		t.Fatal(e)
	}
	for _, pages := range []int{2, 4} {
		if got, e := k.SetPipeSize(w, pages*PageSize); got != pages*PageSize || e != 0 {
			t.Errorf("%d pages: %d, %v", pages, got, e)
		}
		if got, e := k.PipeSize(r); got != pages*PageSize || e != 0 {
			t.Errorf("%d pages: %d, %v", pages, got, e)
		}
	}
	if MaxSplice > math.MaxInt32 {
		t.Error("the longest splice is negative where int has 32 bits")
	}
}

// What cannot be read is the kernel's default: a container may hide it.
func TestPipeLimitsAreReadOrTheDefault(t *testing.T) {
	write := func(proc, name, text string) {
		t.Helper()
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const none = "0000000000000000"
	for _, c := range []struct {
		soft, hard, effective string
		want                  PipeLimits
	}{
		{"", "", "", PipeLimits{Soft: 16384}},
		{"17\n", "18\n", none, PipeLimits{Soft: 17, Hard: 18}},
		{"many\n", "many\n", "many", PipeLimits{Soft: 16384}},
		{"0\n", "0\n", "0000000001000000", PipeLimits{Exempt: true}},                   // CAP_SYS_RESOURCE
		{"0\n", "0\n", "0000000000200000", PipeLimits{Exempt: true}},                   // CAP_SYS_ADMIN
		{"0\n", "0\n", "fffffffffedfffff", PipeLimits{}},                               // all but these two
		{"0\n", "0\n", "000001ffffffffff", PipeLimits{Exempt: true}},                   // root
		{"0\n", "0\n", "ffffffffffffffff", PipeLimits{Exempt: true}},                   // every bit there is
		{"0\n", "0\n", "ffffffffffffffffff", PipeLimits{}},                             // no mask
		{"0\n", "0\n", "1000000\t", PipeLimits{Exempt: true}},                          //
		{"0\n", "0\n", "0\nCapBnd:\tffffffffffffffff", PipeLimits{}},                   // another's line
		{"0\n", "0\n", "\nCapBnd:\tffffffffffffffff\nNoNewPrivs:\t0", PipeLimits{}},    // an empty line
		{"0\n", "0\n", "0000000000200000\nCapBnd:\t" + none, PipeLimits{Exempt: true}}, //
	} {
		proc := t.TempDir()
		if c.soft != "" {
			write(proc, "sys/fs/pipe-user-pages-soft", c.soft)
			write(proc, "sys/fs/pipe-user-pages-hard", c.hard)
			write(proc, "self/status", "Name:\tx\nCapPrm:\tffffffffffffffff\nCapEff:\t"+c.effective+"\n")
		}
		if got := pipeLimits(proc); got != c.want {
			t.Errorf("%q, %q, %q: %+v, want %+v", c.soft, c.hard, c.effective, got, c.want)
		}
	}
	proc := t.TempDir()
	write(proc, "self/status", "200000\n")
	if pipeLimits(proc).Exempt {
		t.Error("exempt without a word of capabilities")
	}
}

func TestPipeLimitsAreThisMachines(t *testing.T) {
	k := hostOf(t)
	soft, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil {
		t.Skip(err)
	}
	if got, want := k.PipeLimits(), pipeLimits("/proc"); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := readInt("/proc/sys/fs/pipe-user-pages-soft", -1); got < 0 || !strings.HasPrefix(string(soft), "0") && got == 0 {
		t.Errorf("%d of %q", got, soft)
	}
}

// A lock file is made with the mode that keeps others out, is no symbolic link, and has
// one holder.
func TestLockFileHasOneHolder(t *testing.T) {
	hostOf(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "lock")
	f, busy, err := LockFile(name)
	if f == nil || busy || err != nil {
		t.Fatal(f, busy, err)
	}
	if info, err := f.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if status, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || status&unix.O_ACCMODE != unix.O_RDWR {
		t.Errorf("flags %#x, %v", status, err)
	}
	before := openFiles(t)
	if other, busy, err := LockFile(name); other != nil || !busy || err != nil {
		t.Errorf("locked twice: %v, %v, %v", other, busy, err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors after a lock that was taken, %d before", after, before)
	}
	f.Close()
	f, busy, err = LockFile(name)
	if f == nil || busy || err != nil {
		t.Fatal("of a file that was locked before: ", f, busy, err)
	}
	f.Close()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{link, filepath.Join(dir, "no", "lock")} {
		if f, busy, err := LockFile(bad); f != nil || busy || err == nil {
			t.Errorf("%s: %v, %v, %v", bad, f, busy, err)
		}
	}
}
