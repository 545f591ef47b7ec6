package serve

import (
	"bytes"
	"strconv"
)

// maxHead bounds what a connection holds of a request.
const maxHead = 16 << 10

var (
	endOfHead = []byte("\r\n\r\n")
	endOfLine = []byte("\r\n")
	get       = []byte("GET /")
	http10    = []byte("HTTP/1.0")
	http11    = []byte("HTTP/1.1")
	closing   = []byte("connection: close")
)

// answer composes the answers to the whole requests in b, until there are enough, and
// says how many bytes they took.
func (a *answerer) answer(b []byte) (n int) {
	for len(a.out) < enough && a.body == 0 && !a.ended {
		end := bytes.Index(b[n:], endOfHead)
		if end < 0 {
			if len(b)-n > maxHead {
				a.refuse("431 Request Header Fields Too Large")
			}
			return n
		}
		a.request(b[n : n+end+len(endOfLine)])
		n += end + len(endOfHead)
	}
	return n
}

// request answers one request, of which head has every line with its end.
func (a *answerer) request(head []byte) {
	line, rest, _ := bytes.Cut(head, endOfLine)
	target, version, _ := bytes.Cut(bytes.TrimPrefix(line, get), []byte(" "))
	if !bytes.HasPrefix(line, get) || !bytes.Equal(version, http11) && !bytes.Equal(version, http10) {
		a.refuse("400 Bad Request")
		return
	}
	status, size, ok := "200 OK", 0, false
	if size, ok = number(target); !ok {
		status, size = "404 Not Found", 0
	}
	a.ended = bytes.Equal(version, http10) || asksToClose(rest)
	a.compose(status, size)
}

// refuse answers what cannot be understood, after which nothing can be.
func (a *answerer) refuse(status string) {
	a.ended = true
	a.compose(status, 0)
}

func (a *answerer) compose(status string, size int) {
	a.out = append(append(a.out, "HTTP/1.1 "...), status...)
	a.out = append(a.out, "\r\nContent-Length: "...)
	a.out = strconv.AppendInt(a.out, int64(size), 10)
	if a.ended {
		a.out = append(a.out, "\r\nConnection: close"...)
	}
	a.out = append(a.out, endOfHead...)
	if size > smallBody {
		a.body = size
		return
	}
	a.out = append(a.out, page[:size]...)
}

func asksToClose(lines []byte) bool {
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, endOfLine)
		if len(line) == len(closing) && bytes.EqualFold(line, closing) {
			return true
		}
		lines = rest
	}
	return false
}

// number reads the N of GET /N: of digits alone, up to the largest that can be asked
// for.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = 10*n + int(c-'0'); n > largest {
			return 0, false
		}
	}
	return n, len(b) > 0
}
