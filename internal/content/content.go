// Package content makes streams of bytes that name their owner, for tests and
// loads that must know of every byte where it belongs.
package content

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Stream is a position in the stream of connection K: byte i of it is a
// function of (K, i), so that a lost, repeated, reordered or foreign byte shows,
// and where. The zero position is the start.
type Stream struct {
	K   uint64
	Pos uint64
}

// step is how far apart the words of a stream are, before they are mixed.
const step = 0x9e3779b97f4a7c15

// word is the i-th eight bytes of the stream, before they are mixed.
func (c *Stream) word(i uint64) uint64 {
	return i*step + c.K*0xd1342543de82ef95 + 0x632be59bd9b4e019
}

// mix makes a word of the stream (splitmix64).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (c *Stream) at(i uint64) byte { return byte(mix(c.word(i/8)) >> (i % 8 * 8)) }

// Fill writes the next bytes of the stream into p.
func (c *Stream) Fill(p []byte) {
	for len(p) > 0 {
		if c.Pos%8 == 0 {
			p = c.fillWords(p)
		}
		if len(p) > 0 {
			p[0] = c.at(c.Pos)
			p, c.Pos = p[1:], c.Pos+1
		}
	}
}

// fillWords writes whole words, three times as fast as one by one from their numbers,
// and answers the rest of p.
func (c *Stream) fillWords(p []byte) []byte {
	n := len(p)
	for z := c.word(c.Pos / 8); len(p) >= 8; z += step {
		binary.LittleEndian.PutUint64(p, mix(z))
		p = p[8:]
	}
	c.Pos += uint64(n - len(p))
	return p
}

// Verify checks that p is what comes next.
func (c *Stream) Verify(p []byte) error {
	for len(p) > 0 {
		if c.Pos%8 == 0 {
			p = c.verifyWords(p)
		}
		if len(p) > 0 {
			if p[0] != c.at(c.Pos) {
				return fmt.Errorf("connection %d: byte %d is %#02x, want %#02x", c.K, c.Pos, p[0], c.at(c.Pos))
			}
			p, c.Pos = p[1:], c.Pos+1
		}
	}
	return nil
}

// verifyWords checks whole words, and answers p from the first that is wrong or not
// whole.
func (c *Stream) verifyWords(p []byte) []byte {
	n := len(p)
	for z := c.word(c.Pos / 8); len(p) >= 8 && binary.LittleEndian.Uint64(p) == mix(z); z += step {
		p = p[8:]
	}
	c.Pos += uint64(n - len(p))
	return p
}

// Send writes n bytes of the stream to w, in pieces of the sizes that size answers.
func (c *Stream) Send(w io.Writer, n uint64, size func() int) error {
	buf := make([]byte, 256<<10)
	for end := c.Pos + n; c.Pos < end; {
		p := buf[:min(uint64(size()), end-c.Pos, uint64(len(buf)))]
		c.Fill(p)
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// Receive reads r to its end and checks every byte. It answers the error that
// ended it, nil at the end of the stream.
func (c *Stream) Receive(r io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		if bad := c.Verify(buf[:n]); bad != nil {
			return bad
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
