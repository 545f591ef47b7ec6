package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// appendHTTP appends a GET of /size, padded to n bytes if that is more.
func appendHTTP(b []byte, n, size int) []byte {
	from := len(b)
	b = append(b, "GET /"...)
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\n"...)
	const pad, end = "X-Pad: ", "\r\n\r\n"
	if room := n - (len(b) - from) - len(pad) - len(end); room > 0 {
		b = append(b, pad...)
		for range room {
			b = append(b, 'x')
		}
		return append(b, end...)
	}
	return append(b, "\r\n"...)
}

// A reply reads the head of an HTTP/1.1 response, which may come in pieces. It knows
// responses with a Content-Length only, as those of keep-alive benchmarks are.
type reply struct {
	held   []byte // of a head that is not whole
	length int    // of the body
}

const maxHead = 16 << 10

var (
	httpPrefix   = []byte("HTTP/1.")
	endOfHead    = []byte("\r\n\r\n")
	lengthHeader = []byte("content-length:")
	errHead      = errors.New("HTTP: a head of more than 16 KiB")
	errNoLength  = errors.New("HTTP: a response without Content-Length")
)

// head takes in what is of the head, and says whether it is whole.
func (r *reply) head(b []byte) (n int, done bool, err error) {
	head := b
	if len(r.held) > 0 {
		head = append(r.held, b...)
	}
	end := bytes.Index(head, endOfHead)
	if end < 0 {
		if len(head) > maxHead {
			return 0, false, errHead
		}
		r.held = append(r.held, b...)
		return len(b), false, nil
	}
	n = end + len(endOfHead) - len(r.held)
	r.held = r.held[:0]
	return n, true, r.parse(head[:end+2])
}

func (r *reply) parse(head []byte) error {
	if len(head) < 12 || !bytes.HasPrefix(head, httpPrefix) || head[9] != '2' {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return fmt.Errorf("HTTP: %.60q is no success", line)
	}
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\r\n"))
		head = rest
		if len(line) > len(lengthHeader) && bytes.EqualFold(line[:len(lengthHeader)], lengthHeader) {
			n, ok := atoi(bytes.TrimSpace(line[len(lengthHeader):]))
			if !ok {
				return errNoLength
			}
			r.length = n
			return nil
		}
	}
	return errNoLength
}

// atoi is strconv.Atoi without the allocation of a string.
func atoi(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<50 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(b) > 0
}
