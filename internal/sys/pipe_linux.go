package sys

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (host) Pipe() (r, w int, e Errno) {
	var p [2]int32
	for {
		_, _, e := syscall.RawSyscall(unix.SYS_PIPE2, uintptr(unsafe.Pointer(&p)), unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if e != unix.EINTR {
			return int(p[0]), int(p[1]), e
		}
	}
}

func (host) PipeSize(fd int) (int, Errno) {
	return call(unix.SYS_FCNTL, fd, unix.F_GETPIPE_SZ, 0, 0, 0, 0)
}

func (host) SetPipeSize(fd, bytes int) (int, Errno) {
	return call(unix.SYS_FCNTL, fd, unix.F_SETPIPE_SZ, bytes, 0, 0, 0)
}

// Splice passes SPLICE_F_NONBLOCK, which governs the pipe, beside the socket's
// own O_NONBLOCK, which governs the socket: one without the other blocks
// (golang/go#63795). SPLICE_F_MORE is never passed: it corks the sink for 200 ms
// (golang/go#10948). SPLICE_F_MOVE does nothing for sockets.
func (host) Splice(from, to, n int) (int, Errno) {
	return call(unix.SYS_SPLICE, from, 0, to, 0, min(n, MaxSplice), unix.SPLICE_F_NONBLOCK)
}

// PipeLimits reads the limits once they are asked for; what cannot be read is
// taken to be the kernel's default, 16,384 pages and not exempt.
func (host) PipeLimits() PipeLimits { return pipeLimits("/proc") }

func pipeLimits(proc string) PipeLimits {
	return PipeLimits{
		Soft:   readInt(proc+"/sys/fs/pipe-user-pages-soft", 16384),
		Hard:   readInt(proc+"/sys/fs/pipe-user-pages-hard", 0),
		Exempt: exempt(proc + "/self/status"),
	}
}

func readInt(path string, otherwise int) int {
	b, _ := os.ReadFile(path) // nothing, on an error, which is no number
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return otherwise
	}
	return n
}

// exempt reports whether the process has a capability now that lifts the limits: the
// CapEff line of /proc/self/status, a mask in hexadecimal (proc_pid_status(5)).
func exempt(status string) bool {
	b, _ := os.ReadFile(status) // nothing, on an error, which is no mask
	_, rest, _ := strings.Cut(string(b), "\nCapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && mask&(1<<unix.CAP_SYS_RESOURCE|1<<unix.CAP_SYS_ADMIN) != 0
}
