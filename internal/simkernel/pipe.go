package simkernel

import (
	"math/bits"

	"github.com/penstock/penstock/internal/sys"
)

// A pipe holds slots, not bytes: each takes one segment (pipe(7); KERNEL fact 1).
type pipe struct {
	slots []Segment
	room  int // slots that it has
	bytes int
	ends  int
}

const (
	bornSlots   = 16  // PIPE_DEF_BUFFERS
	narrowSlots = 2   // PIPE_MIN_DEF_BUFFERS, past the user's budget
	mostSlots   = 256 // /proc/sys/fs/pipe-max-size
	batchSlots  = 16  // ARRAY_SIZE(bvec) in splice_to_socket
)

// Pipe is pipe2(2). Past the budget a pipe is born with 2 slots, without a word.
func (k *Kernel) Pipe() (r, w int, e sys.Errno) {
	if e := k.enter(Pipe, -1); e != 0 {
		return -1, -1, e
	}
	p := &pipe{room: bornSlots, ends: 2}
	if k.pipes >= k.Narrow {
		p.room = narrowSlots
	}
	rf := &file{pipe: p}
	if r, e = k.install(rf); e != 0 {
		return -1, -1, e
	}
	if w, e = k.install(&file{pipe: p, write: true}); e != 0 {
		k.files[r], k.lowest = nil, min(k.lowest, r)
		return -1, -1, e
	}
	k.pipes++
	return r, w, 0
}

func (k *Kernel) pipeOf(fd int) (*pipe, sys.Errno) {
	f := k.get(fd)
	switch {
	case f == nil:
		return nil, sys.EBADF
	case f.pipe == nil:
		return nil, sys.EBADF // pipe_fcntl
	}
	return f.pipe, 0
}

// PipeSize is F_GETPIPE_SZ.
func (k *Kernel) PipeSize(fd int) (int, sys.Errno) {
	if e := k.enter(PipeSize, fd); e != 0 {
		return -1, e
	}
	p, e := k.pipeOf(fd)
	if e != 0 {
		return -1, e
	}
	return p.room * sys.PageSize, 0
}

// SetPipeSize is F_SETPIPE_SZ: rounded up to a power of two of pages.
func (k *Kernel) SetPipeSize(fd, bytes int) (int, sys.Errno) {
	if e := k.enter(SetPipeSize, fd); e != 0 {
		return -1, e
	}
	p, e := k.pipeOf(fd)
	if e != 0 {
		return -1, e
	}
	room := 1
	if pages := (bytes + sys.PageSize - 1) / sys.PageSize; pages > 1 {
		room = 1 << bits.Len(uint(pages-1))
	}
	switch {
	case bytes <= 0:
		return -1, sys.EINVAL
	case room > p.room && (room > mostSlots || k.pipes > k.Narrow):
		return -1, sys.EPERM
	case room < len(p.slots):
		return -1, sys.EBUSY
	}
	p.room = room
	return room * sys.PageSize, 0
}

func (p *pipe) put(s Segment) {
	p.slots = append(p.slots, s)
	p.bytes += s.N
}

// take throws n bytes of the front away.
func (p *pipe) take(n int) {
	p.bytes -= n
	for n > 0 {
		s := &p.slots[0]
		if n < s.N {
			_, *s = s.cut(n)
			return
		}
		n -= s.N
		p.slots = p.slots[1:]
	}
	if len(p.slots) == 0 {
		p.slots = nil
	}
}
