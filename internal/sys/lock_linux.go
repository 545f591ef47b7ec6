package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// LockFile opens the file, which it creates if there is none, and locks it by flock(2)
// with LOCK_EX. The lock ends when the file is closed, or with the process. It does not
// wait: busy reports that another open file has the lock. A symbolic link is refused.
//
// Where flock(2) itself is refused, by the file system or by a sandbox, the file is
// returned without a lock.
func LockFile(name string) (f *os.File, busy bool, err error) {
	f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, false, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EINTR {
			break
		}
	}
	if err == unix.EWOULDBLOCK {
		f.Close()
		return nil, true, nil
	}
	return f, false, nil
}
