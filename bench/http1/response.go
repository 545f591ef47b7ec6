// Package http1 finds where an HTTP/1 response ends. It is fed the bytes as they come,
// in pieces of any size, copies none but those of a head that comes in pieces, and
// allocates nothing once its buffer has grown. It accepts what net/http.ReadResponse
// accepts, against which it is fuzzed.
package http1

import (
	"bytes"
	"fmt"
	"io"

	"github.com/penstock/penstock/bench/result"
)

// A Response is one that is being read.
type Response struct {
	Status int  // of the final response, once its head is whole
	Close  bool // the connection carries no other response after this one

	toHEAD bool // the request was HEAD
	state  state
	held   []byte // a head, a chunk's line or a trailer that is not whole
	left   int64  // of the body, or of the chunk
	over   int64  // bytes of chunks' lines beyond what their data excuses
	head   head
}

type state uint8

const (
	inHead state = iota
	inBody       // left bytes of it are to come
	inTail       // the body ends with the connection
	inSize       // the line of a chunk
	inData       // left bytes of a chunk are to come
	inGap        // the CRLF behind a chunk
	inTrailer
	whole
)

const (
	// maxHead bounds a head, as net/http's default does: 1 MiB.
	maxHead = 1 << 20
	// maxLine bounds the line of a chunk, and maxTrailer the trailer, as net/http does.
	maxLine    = 4096
	maxTrailer = 4096
	// maxOver bounds what the lines of chunks may have beyond 16 bytes each and twice
	// their data, as net/http does.
	maxOver = 16 << 10
)

// Begin makes r ready for the next response. head says that the request was HEAD, whose
// response has no body.
func (r *Response) Begin(head bool) {
	r.Status, r.Close, r.toHEAD, r.state, r.held = 0, false, head, inHead, r.held[:0]
}

// Begun reports whether any byte of the response has come.
func (r *Response) Begun() bool { return r.state != inHead || len(r.held) > 0 || r.Status != 0 }

// Feed takes in bytes of the response and returns how many of b are part of it: all of
// them unless it is whole.
func (r *Response) Feed(b []byte) (n int, done bool, err error) {
	for n < len(b) && r.state != whole {
		m, err := r.step(b[n:])
		if err != nil {
			return n, false, err
		}
		n += m
	}
	return n, r.state == whole, nil
}

// End takes in the end of the connection. It returns io.ErrUnexpectedEOF unless that is
// how the response ends.
func (r *Response) End() error {
	if r.state != inTail {
		return io.ErrUnexpectedEOF
	}
	r.state = whole
	return nil
}

// step takes in bytes of one part of the response.
func (r *Response) step(b []byte) (n int, err error) {
	switch r.state {
	case inHead:
		return r.inHead(b)
	case inBody:
		return r.pass(b, whole), nil
	case inData:
		return r.pass(b, inGap), nil
	case inTail:
		return len(b), nil
	case inSize:
		return r.inSize(b)
	case inGap:
		return r.inGap(b)
	}
	return r.inTrailer(b)
}

// pass takes in bytes of which left are to come, and goes on to a state behind them.
func (r *Response) pass(b []byte, then state) int {
	n := int(min(r.left, int64(len(b))))
	if r.left -= int64(n); r.left == 0 {
		r.state = then
	}
	return n
}

// gather returns the text up to and including an end that find sees in it, and how many
// bytes of b belong to it. The text is nil if it is not whole: b is held then.
func (r *Response) gather(b []byte, limit int, what string, find func([]byte) int) (text []byte, n int, err error) {
	text = b
	if len(r.held) > 0 {
		text = append(r.held, b...)
		r.held = text
	}
	end := find(text)
	switch {
	case end > limit || end < 0 && len(text) > limit:
		return nil, 0, &result.Fault{Kind: "HTTP: " + what + " is too long", Detail: fmt.Sprintf("more than %d bytes", limit)}
	case end < 0 && len(r.held) > 0:
		return nil, len(b), nil
	case end < 0:
		r.held = append(r.held, b...)
		return nil, len(b), nil
	}
	n = end - (len(text) - len(b))
	r.held = r.held[:0]
	return text[:end], n, nil
}

func (r *Response) inHead(b []byte) (n int, err error) {
	text, n, err := r.gather(b, maxHead, "a head", endOfHead)
	if text == nil {
		return n, err
	}
	h := &r.head
	if err := h.parse(text); err != nil {
		return 0, err
	}
	r.Status, r.Close = h.status, h.closes()
	switch {
	case h.status < 200 && h.status >= 100 && h.status != 101:
		r.Status = 0 // interim: the final response follows
		return n, nil
	case r.toHEAD || h.status < 200 || h.status == 204 || h.status == 304:
		r.state = whole
	case h.chunked:
		r.state, r.over = inSize, 0
	case h.length == 0:
		r.state = whole
	case h.length > 0:
		r.state, r.left = inBody, h.length
	default:
		r.state, r.Close = inTail, true
	}
	return n, nil
}

// endOfHead returns the index behind the blank line that ends a head, or -1. Lines end
// with LF, and may have a CR in front of it.
func endOfHead(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
		switch rest := b[at:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 2
		}
	}
}
