// Package fd is an owned socket descriptor: what it is ready for, which of its
// halves are shut, the first error it met, and the one place that closes it.
//
// An FD belongs to one loop, and no other goroutine may touch it. It holds no
// pointer to its kernel: every call is handed one, which keeps it at 12 bytes.
//
// Users of the library need Options alone; the rest serves the packages above.
package fd

// Token names one registration of one descriptor: the slot of a loop's slab in
// the low half, the generation of that slot in the high half. The kernel hands
// it back with each event. A slot's generation moves on when its registration
// ends, so that an event which was meant for the previous owner matches nobody.
type Token uint64

// MakeToken builds a token.
func MakeToken(slot, generation uint32) Token {
	return Token(slot) | Token(generation)<<32
}

// Slot is the index into the slab.
func (t Token) Slot() uint32 { return uint32(t) }

// Generation is the generation of the slot that the token was made for.
func (t Token) Generation() uint32 { return uint32(t >> 32) }
