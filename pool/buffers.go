package pool

// BufferSize is the size of a read buffer in bytes. A copying transfer reads as
// much at a time: within a core's L2 cache, and as much as an empty small pipe.
const BufferSize = 64 << 10

// keepBuffers is how many buffers a loop keeps for later: one is in use in any
// turn, more were only while sinks were full.
const keepBuffers = 16

// A Buffer is leased to one transfer at a time, like a Pipe.
type Buffer struct {
	B        []byte // BufferSize bytes
	From, To int    // B[From:To] is read and not yet sent
}

// Len is the number of bytes that it holds.
func (b *Buffer) Len() int { return b.To - b.From }

// Buffers is the stock of read buffers of one loop. No other goroutine may use it.
type Buffers struct {
	stock  []*Buffer
	leased int
}

// Lease answers an empty buffer.
func (b *Buffers) Lease() *Buffer {
	b.leased++
	if n := len(b.stock); n > 0 {
		buf := b.stock[n-1]
		b.stock = b.stock[:n-1]
		return buf
	}
	return &Buffer{B: make([]byte, BufferSize)}
}

// Put takes a buffer back, whatever it holds.
func (b *Buffers) Put(buf *Buffer) {
	b.leased--
	buf.From, buf.To = 0, 0
	if len(b.stock) < keepBuffers {
		b.stock = append(b.stock, buf)
	}
}

// Leased is the number of buffers that are lent out.
func (b *Buffers) Leased() int { return b.leased }
