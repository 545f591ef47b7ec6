package pool

import (
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A Pipe is leased to one transfer at a time.
type Pipe struct {
	R, W  int  // the ends: read here, write there
	Size  int  // capacity in bytes, when every slot holds a page
	Bytes int  // what it holds, kept by its holder: added at drain, taken at pump
	big   bool // BigSlots rather than SmallSlots
}

// PipeStats counts a loop's pipes.
type PipeStats struct {
	Leased    int    // with transfers now
	Stock     int    // empty, waiting
	Created   uint64 // pipe2 calls that made one
	Destroyed uint64 // closed, for whatever reason
	Dirty     uint64 // of those, closed because bytes were in it
	Refused   uint64 // leases that found none within the budget
}

// Pipes is the stock of one loop. No other goroutine may use it.
type Pipes struct {
	k       sys.Kernel
	gov     *Governor
	stock   [2][]*Pipe // small, big
	low     [2]int     // fewest in stock since the last Trim
	dry     [2]int64   // no pipe is made before this time
	stats   PipeStats
	holding int
}

// NewPipes makes an empty stock.
func NewPipes(k sys.Kernel, gov *Governor) *Pipes {
	return &Pipes{k: k, gov: gov}
}

// Stats answers the counts.
func (p *Pipes) Stats() PipeStats {
	s := p.stats
	s.Stock = len(p.stock[0]) + len(p.stock[1])
	s.Leased = p.holding
	return s
}

// Lease answers an empty pipe, big if that is asked for and can be had, else
// small, else nil: then the caller copies. It is nil for good once splice(2) has been
// refused for good (Governor.Refused).
func (p *Pipes) Lease(big bool) *Pipe {
	if p.gov.Refused() {
		p.stats.Refused++
		return nil
	}
	pipe := p.find(big)
	if pipe == nil && big {
		pipe = p.find(false)
	}
	if pipe == nil {
		p.stats.Refused++
		return nil
	}
	p.holding++
	return pipe
}

func (p *Pipes) find(big bool) *Pipe {
	i := class(big)
	if n := len(p.stock[i]); n > 0 {
		pipe := p.stock[i][n-1]
		p.stock[i] = p.stock[i][:n-1]
		p.low[i] = min(p.low[i], n-1)
		return pipe
	}
	return p.create(big)
}

// shortage is how long no pipe is asked for after one could not be had.
const shortage = int64(50 * time.Millisecond)

// create makes a pipe within the budget, and verifies what it got: past the
// user's budget the kernel gives 2 slots without a word.
func (p *Pipes) create(big bool) *Pipe {
	dry := &p.dry[class(big)]
	if *dry != 0 && p.k.Now() < *dry || !p.gov.admit(big) {
		return nil
	}
	r, w, e := p.k.Pipe()
	if e != 0 {
		*dry = p.k.Now() + shortage
		p.gov.giveBack(big)
		return nil
	}
	p.stats.Created++
	pipe := &Pipe{R: r, W: w, big: big}
	if big {
		pipe.Size, e = p.k.SetPipeSize(r, bigBytes)
	} else {
		pipe.Size, e = p.k.PipeSize(r)
	}
	if e != 0 || pipe.Size < smallBytes || big && pipe.Size < bigBytes {
		*dry = p.k.Now() + shortage
		p.destroy(pipe)
		return nil
	}
	*dry = 0
	return pipe
}

// Put takes a pipe back. One that holds bytes is destroyed, never lent again:
// the next transfer would deliver them to its own peer.
func (p *Pipes) Put(pipe *Pipe) {
	p.holding--
	if pipe.Bytes != 0 {
		p.stats.Dirty++
		p.destroy(pipe)
		return
	}
	i := class(pipe.big)
	p.stock[i] = append(p.stock[i], pipe)
}

// Trim closes the pipes that nobody has needed since the last Trim, and says
// whether any are left to come back for.
func (p *Pipes) Trim() (more bool) {
	for i := range p.stock {
		for range p.low[i] {
			p.destroy(p.stock[i][0])
			p.stock[i] = p.stock[i][1:]
		}
		p.low[i] = len(p.stock[i])
		more = more || p.low[i] > 0
	}
	return more
}

// Close closes the stock. What is leased must have come back.
func (p *Pipes) Close() {
	p.Trim()
	p.Trim()
}

func (p *Pipes) destroy(pipe *Pipe) {
	fd.CloseNum(p.k, pipe.R)
	fd.CloseNum(p.k, pipe.W)
	p.gov.giveBack(pipe.big)
	p.stats.Destroyed++
}

func class(big bool) int {
	if big {
		return 1
	}
	return 0
}
