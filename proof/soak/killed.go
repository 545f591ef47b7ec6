package soak

import "time"

// slack is what the clock readings around a kill may be off.
const slack = int64(50 * time.Millisecond)

// struck says that a kill came in the life of something.
func (k *kill) struck(begin, end int64) bool { return k.to+slack >= begin && k.from-slack <= end }

// wasKilled says whether a socket of the connection was destroyed while it lived.
func wasKilled(pair *[2]*record, kills []kill) bool {
	c, b := pair[client], pair[backend]
	end := c.End
	if b != nil {
		end = max(end, b.End)
	}
	for i := range kills {
		k := &kills[i]
		if k.struck(c.Start, end) && (k.clients[c.Port] || b != nil && k.towards[b.Port]) {
			return true
		}
	}
	return false
}

// spares counts, for each kill, the destroyed sockets towards the backend whose
// header had not arrived: nobody can say whose they were. So many connections that
// the backend has not seen may have been reset by it, and no more.
func spares(records []*record, kills []kill) {
	for i := range kills {
		k := &kills[i]
		named := map[int]bool{}
		for _, r := range records {
			if r.Side == backend && r.Header && k.towards[r.Port] && k.struck(r.Start, r.End) {
				named[r.Port] = true
			}
		}
		k.spare = len(k.towards) - len(named)
	}
}

// takeSpare excuses the reset of a connection that the backend has not seen.
func takeSpare(c *record, kills []kill) bool {
	for i := range kills {
		if k := &kills[i]; k.spare > 0 && k.struck(c.Start, c.End) {
			k.spare--
			return true
		}
	}
	return false
}
