package loop

import (
	"time"

	"github.com/penstock/penstock/pool"
)

// trimAfter is how long a pipe stays in stock unused, at least.
const trimAfter = time.Second

// LeasePipe answers an empty pipe of this loop, big if one can be had, or nil:
// then there is none within the budget, and the caller copies. It must be given
// back to PutPipe. Only the loop's goroutine may call it.
func (l *Loop) LeasePipe(big bool) *pool.Pipe { return l.pipes.Lease(big) }

// PutPipe takes a pipe back; one that holds bytes is destroyed.
func (l *Loop) PutPipe(p *pool.Pipe) {
	l.pipes.Put(p)
	if !l.trim.Armed() && !l.ending {
		l.Arm(&l.trim, trimAfter, expireFunc(l.trimPipes))
	}
}

// SpliceAllowed takes note that splice(2) served a task, or was refused for a reason
// that may last. After some refusals in a row LeasePipe returns nil for good.
func (l *Loop) SpliceAllowed(ok bool) {
	if ok {
		l.group.governor.Spliced()
	} else if l.group.governor.Refuse() {
		l.group.log.Warn("penstock: splice(2) is refused, by the kernel or a sandbox: relays copy from here on")
	}
}

// trimPipes closes the pipes that an idle loop no longer needs, all of them in
// the end, and stops coming back when none is left.
func (l *Loop) trimPipes() {
	if l.pipes.Trim() {
		l.Arm(&l.trim, trimAfter, expireFunc(l.trimPipes))
	}
}

// LeaseBuffer answers an empty read buffer of this loop, to be given back to
// PutBuffer. Only the loop's goroutine may call it.
func (l *Loop) LeaseBuffer() *pool.Buffer { return l.buffers.Lease() }

// PutBuffer takes a buffer back.
func (l *Loop) PutBuffer(b *pool.Buffer) { l.buffers.Put(b) }
