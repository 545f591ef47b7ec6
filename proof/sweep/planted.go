package sweep

import (
	"os"
	"time"

	"github.com/penstock/penstock/loop"
)

// The faults that can be planted into the target, each to be noticed by one of
// the oracles: an oracle that cannot fail proves nothing.
const (
	plantedDrop  = "drop"  // the echo leaves a byte out
	plantedEnd   = "end"   // the echo ends before it has sent all
	plantedHang  = "hang"  // the echo never answers
	plantedLeak  = "leak"  // a descriptor stays open
	plantedPanic = "panic" // the process dies
	plantedSpin  = "spin"  // a loop never sleeps
	plantedStay  = "stay"  // the process does not end when it is told to
)

var held []*os.File // what plantedLeak keeps

// plant is called once the server listens.
func plant(what string, g *loop.Group) {
	switch what {
	case plantedLeak:
		f, _ := os.Open(os.DevNull)
		held = append(held, f)
	case plantedPanic:
		time.AfterFunc(5*time.Millisecond, func() { panic("planted") })
	case plantedSpin:
		l := g.Loops()[0]
		var again func()
		again = func() { l.AfterFunc(0, again) } // of posts a turn takes 256
		l.Post(again)
	}
}

// spoil is the echo of a target with a planted fault. done says that it was one.
func spoil(what string, c *loop.Conn) (done bool, err error) {
	switch what {
	case plantedDrop, plantedEnd:
		b, err := c.Next()
		if err != nil {
			return true, err
		}
		if len(b) > 1 {
			b = b[:len(b)-1]
		}
		if _, err := c.Write(b); err != nil || what == plantedDrop {
			return true, err
		}
		return true, c.CloseWrite()
	case plantedHang:
		c.Pause()
		return true, nil
	}
	return false, nil
}
