package fd

import (
	"fmt"
	"os"
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// A Unix path outlives its listener: after a crash bind(2) fails with EADDRINUSE, although
// nobody listens. The next server connects to see whether that is so, unlinks the path and
// binds it. Two servers that do this at the same time can unlink each other's new socket:
// both believe that they listen, and one of them is deaf. A socket that is bound and does
// not listen yet looks abandoned, too. So bind, listen and unlink of a path are done under
// a lock.
//
// The lock is flock(2) of a file beside the path. The file is there only as long as the
// lock, because its holder removes it. A process that dies in between leaves an empty
// file, which does no harm: the kernel ends its lock.
//
// These were considered, and have a hole each:
//   - To bind another name, listen, and rename(2) it to the path: rename replaces a live
//     socket as readily as a dead one, and the socket's own address is the other name.
//   - A socket in the abstract namespace as the lock: containers that share a directory
//     need not share a network namespace.
//   - flock(2) of the directory: it needs permission to read the directory, and others use
//     it, such as systemd-tmpfiles.
//   - A lock for as long as the server listens: while a server drains, its successor must
//     be able to listen.
//
// Programs that do not take the lock are not kept from unlinking the path. On a file
// system without flock there is no lock.

// lockSuffix makes the name of the lock of the path.
const lockSuffix = ".penstock-lock"

// The lock is held for a few system calls, so that a wait of seconds means that its holder
// has been stopped.
const (
	lockWait  = 5 * time.Second
	lockRetry = 2 * time.Millisecond
)

// isPath reports whether a is a path of the file system.
func isPath(a sys.Addr) bool { return a.Family == sys.Unix && a.Path != "" && a.Path[0] != '@' }

// lockPath locks a Unix path against other servers that start or end on it, and returns
// the function that unlocks it.
func lockPath(path string) (release func(), err error) {
	name, deadline := path+lockSuffix, time.Now().Add(lockWait)
	for {
		f, err := tryLock(name)
		if err != nil {
			return nil, fmt.Errorf("lock of the unix path: %w", err)
		}
		if f != nil {
			return func() { unlock(name, f) }, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("lock of the unix path: %s has been locked for %v by another process", name, lockWait)
		}
		time.Sleep(lockRetry)
	}
}

// tryLock returns nil and no error if the lock is taken.
func tryLock(name string) (*os.File, error) {
	f, busy, err := sys.LockFile(name)
	if err != nil || busy {
		return nil, err
	}
	if !isAt(name, f) {
		f.Close()
		return nil, nil
	}
	return f, nil
}

// isAt reports whether f is the file of that name. The last holder of the lock may have
// removed it after it was opened here; then it locks nothing, as the next process makes
// another.
func isAt(name string, f *os.File) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(name)
	return err == nil && os.SameFile(ours, there)
}

// unlock removes the file first: after the close it may be another's lock.
func unlock(name string, f *os.File) {
	os.Remove(name)
	f.Close()
}

// abandoned reports whether a Unix path is the socket of a listener that is gone. The path
// must be locked.
func abandoned(k sys.Kernel, a sys.Addr) bool {
	if !isPath(a) {
		return false
	}
	if info, err := os.Lstat(a.Path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return false
	}
	num, e := k.Socket(sys.Unix)
	if e != 0 {
		return false
	}
	defer CloseNum(k, num)
	return k.Connect(num, a) == sys.ECONNREFUSED
}

// Unlink removes the Unix socket at path, unless another has taken its place: file is what
// os.Lstat returned when the socket had been bound. The time is compared, too, because a
// file system may give the inode's number to the next file. Without the lock it removes
// nothing; the next server takes the path over.
func Unlink(path string, file os.FileInfo) {
	release, err := lockPath(path)
	if err != nil {
		return
	}
	defer release()
	now, err := os.Lstat(path)
	if err == nil && os.SameFile(now, file) && now.ModTime().Equal(file.ModTime()) {
		os.Remove(path)
	}
}
