package http1

import (
	"bytes"
	"errors"
)

var (
	errChunk     = errors.New("HTTP: malformed chunk")
	errOverhead  = errors.New("HTTP: the chunks have more lines than data")
	errTrailer   = errors.New("HTTP: malformed trailer")
	crlf         = []byte("\r\n")
	twoLineBreak = []byte("\r\n\r\n")
)

// inSize reads the line that begins a chunk: its size in hexadecimal digits, and
// extensions, which mean nothing.
func (r *Response) inSize(b []byte) (n int, err error) {
	line, n, err := r.gather(b, maxLine, "the line of a chunk", endOfLine)
	if line == nil {
		return n, err
	}
	if i := bytes.IndexByte(line, '\r'); i != len(line)-2 {
		return 0, errChunk
	}
	line = line[:len(line)-2]
	r.over += int64(len(line)) + 2
	digits, _, _ := bytes.Cut(bytes.TrimRight(line, " \t"), []byte(";"))
	size, ok := hexadecimal(digits)
	if !ok {
		return 0, errChunk
	}
	if r.over = max(r.over-16-2*min(size, 1<<60), 0); r.over > maxOver {
		return 0, errOverhead
	}
	r.state, r.left = inData, size
	if size == 0 {
		r.state = inTrailer
	}
	return n, nil
}

// endOfLine returns the index behind the first LF, or -1.
func endOfLine(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return -1
}

// hexadecimal reads the size of a chunk. Sizes that no connection carries are refused.
func hexadecimal(b []byte) (n int64, ok bool) {
	if len(b) > 16 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		if n >= 1<<58 {
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, len(b) > 0
}

// inGap reads the line break behind a chunk's data.
func (r *Response) inGap(b []byte) (n int, err error) {
	want := crlf[len(r.held):]
	n = min(len(want), len(b))
	if !bytes.Equal(b[:n], want[:n]) {
		return 0, errChunk
	}
	r.held = append(r.held, b[:n]...)
	if len(r.held) == len(crlf) {
		r.held, r.state = r.held[:0], inSize
	}
	return n, nil
}

// inTrailer reads the fields behind the last chunk, which mean nothing here.
func (r *Response) inTrailer(b []byte) (n int, err error) {
	text, n, err := r.gather(b, maxTrailer, "a trailer", endOfTrailer)
	if text == nil {
		return n, err
	}
	r.state = whole
	for first := true; len(text) > len(crlf); first = false {
		line, rest, _ := bytes.Cut(text, crlf)
		if folded := folds(line); folded && first || !folded && !isField(line) {
			return 0, errTrailer
		}
		text = rest
	}
	return n, nil
}

// endOfTrailer returns the index behind the blank line that ends a trailer, or -1.
func endOfTrailer(b []byte) int {
	if bytes.HasPrefix(b, crlf) {
		return len(crlf)
	}
	if i := bytes.Index(b, twoLineBreak); i >= 0 {
		return i + len(twoLineBreak)
	}
	return -1
}
