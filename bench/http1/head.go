package http1

import (
	"bytes"
	"fmt"

	"github.com/penstock/penstock/bench/result"
)

// A head is what the status line and the header fields of a response say of its body
// and its connection.
type head struct {
	status    int
	minor     byte
	chunked   bool
	close     bool // Connection: close
	keep      bool // Connection: keep-alive
	codings   int  // Transfer-Encoding fields
	length    int64
	first     []byte // text of the first Content-Length; empty: there is none
	unfolding []byte
}

// closes reports whether the connection carries no other response.
func (h *head) closes() bool { return h.close || h.minor == 0 && !h.keep }

// malformed returns the error of a head, with the line that is wrong.
func malformed(kind string, line []byte) error {
	return &result.Fault{Kind: "HTTP: malformed " + kind, Detail: fmt.Sprintf("%.80q", line)}
}

// parse reads a head, including its blank line.
func (h *head) parse(text []byte) error {
	*h = head{length: -1, first: h.first[:0], unfolding: h.unfolding[:0]}
	line, rest := cut(text)
	if err := h.statusLine(line); err != nil {
		return err
	}
	if line, _ := cut(rest); folds(line) {
		return malformed("header field", line)
	}
	for {
		line, rest = cut(rest)
		if len(line) == 0 {
			break
		}
		if folds(rest) && bytes.IndexByte(line, ':') >= 0 {
			line, rest = h.unfold(line, rest)
		}
		if err := h.field(line); err != nil {
			return err
		}
	}
	if h.minor == 0 { // chunks are not known to HTTP/1.0
		h.chunked, h.codings = false, 0
	}
	if h.codings > 1 || h.codings == 1 && !h.chunked {
		return malformed("header field", []byte("Transfer-Encoding other than chunked"))
	}
	return nil
}

// cut returns the first line, without its end, and what follows it.
func cut(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// folds reports whether a line continues the one before.
func folds(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

// unfold joins a field with the lines that continue it.
func (h *head) unfold(line, rest []byte) (whole, after []byte) {
	h.unfolding = append(h.unfolding[:0], trim(line)...)
	for folds(rest) {
		line, rest = cut(rest)
		h.unfolding = append(append(h.unfolding, ' '), trim(line)...)
	}
	return h.unfolding, rest
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }

// statusLine reads HTTP/1.x and the status.
func (h *head) statusLine(line []byte) error {
	version, status, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(version) != 8 || !bytes.HasPrefix(version, []byte("HTTP/1.")) || !digit(version[7]) {
		return malformed("status line", line)
	}
	h.minor = version[7] - '0'
	status, _, _ = bytes.Cut(bytes.TrimLeft(status, " "), []byte(" "))
	if len(status) != 3 || status[0] == '0' || !digit(status[0]) || !digit(status[1]) || !digit(status[2]) {
		return malformed("status line", line)
	}
	h.status = int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	return nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

var (
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
	connection       = []byte("connection")
)

// field reads a header field.
func (h *head) field(line []byte) error {
	line = trim(line)
	if !isField(line) {
		return malformed("header field", line)
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch len(name) {
	case len(contentLength):
		if bytes.EqualFold(name, contentLength) {
			return h.contentLength(trim(value), line)
		}
	case len(transferEncoding):
		if bytes.EqualFold(name, transferEncoding) {
			h.codings++
			h.chunked = bytes.EqualFold(trim(value), []byte("chunked"))
		}
	case len(connection):
		if bytes.EqualFold(name, connection) {
			h.connection(value)
		}
	}
	return nil
}

func (h *head) contentLength(value, line []byte) error {
	n, ok := decimal(value)
	if !ok || len(h.first) > 0 && !bytes.Equal(value, h.first) {
		return malformed("header field", line)
	}
	h.length, h.first = n, append(h.first[:0], value...)
	return nil
}

func (h *head) connection(value []byte) {
	for more := true; more; {
		var token []byte
		token, value, more = bytes.Cut(value, []byte(","))
		token = trim(token)
		h.close = h.close || bytes.EqualFold(token, []byte("close"))
		h.keep = h.keep || bytes.EqualFold(token, []byte("keep-alive"))
	}
}

func decimal(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if !digit(c) || n > (1<<63-1-int64(c-'0'))/10 {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, len(b) > 0
}

// isField reports whether a line is a header field: a name, of which only spaces and the
// characters of a token are accepted, a colon, and a value without control characters.
func isField(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return false
	}
	for _, c := range line[:colon] {
		if !inName[c] {
			return false
		}
	}
	for _, c := range line[colon+1:] {
		if !inValue[c] {
			return false
		}
	}
	return true
}

// inName and inValue are the bytes that a field's name and value consist of.
var inName, inValue = func() (name, value [256]bool) {
	for c := range 256 {
		value[c] = c >= ' ' && c != 0x7f || c == '\t'
	}
	for c := '0'; c <= '9'; c++ {
		name[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		name[c], name[c-'a'+'A'] = true, true
	}
	for _, c := range " !#$%&'*+-.^_`|~" {
		name[c] = true
	}
	return name, value
}()
