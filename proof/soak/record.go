package soak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

var errForeign = errors.New("not what belongs here")

// An outcome is how one direction ended for one side.
type outcome string

const (
	none   outcome = ""       // never begun
	ended  outcome = "end"    // its end was sent, or read
	reset  outcome = "reset"  // the other side, or the way, cut it
	left   outcome = "left"   // this side cut it: see record.Left
	silent outcome = "silent" // nothing moved for too long
	wrong  outcome = "wrong"  // a byte that does not belong here
	failed outcome = "failed" // an error that no ending explains
)

// A record is what one side saw of one connection.
type record struct {
	K          uint64
	Side       side
	Port       int   // the client's, or the forwarder's towards the backend
	Start, End int64 // ns since the epoch
	Header     bool  // written, or read, whole
	Sent       uint64
	Received   uint64 // and checked, of the right stream
	Write      outcome
	Read       outcome
	Left       ending // cut or abandon, if this side did so
	Err        string `json:",omitempty"`
}

func (r *record) String() string {
	if r == nil {
		return "nothing"
	}
	s := fmt.Sprintf("sent %d (%s), received %d (%s)", r.Sent, r.Write, r.Received, r.Read)
	if r.Left != finish {
		s += ", " + r.Left.String()
	}
	if r.Err != "" {
		s += ": " + r.Err
	}
	return s
}

func outcomeOf(err error) outcome {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ended
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silent
	case isReset(err):
		return reset
	case errors.Is(err, errForeign):
		return wrong
	}
	return failed
}

// The header in front of the client's stream tells the backend whose it is. Its
// check word is a function of the rest: a header that the forwarder damaged must
// not pass for another connection's.
const (
	headerSize = 24
	headerSalt = 0x9e3779b97f4a7c15
)

func header(seed, k uint64) []byte {
	b := make([]byte, 0, headerSize)
	b = binary.BigEndian.AppendUint64(b, seed)
	b = binary.BigEndian.AppendUint64(b, k)
	return binary.BigEndian.AppendUint64(b, (seed^headerSalt)*(2*k+1))
}

// readHeader answers the connection that a header names, and how many bytes came.
func readHeader(r io.Reader, seed uint64) (k uint64, n int, err error) {
	var b [headerSize]byte
	if n, err = io.ReadFull(r, b[:]); err != nil {
		return 0, n, err
	}
	k = binary.BigEndian.Uint64(b[8:])
	if [headerSize]byte(header(seed, k)) != b {
		return 0, n, fmt.Errorf("header %x: %w", b, errForeign)
	}
	return k, n, nil
}
