package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// An outcome is what a parser made of a text.
type outcome struct {
	status int
	close  bool
	taken  int  // bytes of the text
	whole  bool // it did not end before the response
	failed bool
}

// theirs is what net/http makes of it.
func theirs(text []byte, method string) (o outcome) {
	in := bytes.NewReader(text)
	r := bufio.NewReader(in)
	var resp *http.Response
	for {
		var err error
		resp, err = http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			o.failed = err != io.ErrUnexpectedEOF && err != io.EOF
			return o
		}
		if resp.StatusCode < 100 || resp.StatusCode > 199 || resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	_, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		o.failed = !strings.Contains(err.Error(), "unexpected EOF")
		return o
	}
	return outcome{resp.StatusCode, resp.Close, len(text) - in.Len() - r.Buffered(), true, false}
}

// ours is what Response makes of it, if it comes in pieces.
func ours(r *Response, text []byte, method string, pieces int) (o outcome) {
	r.Begin(method == http.MethodHead)
	size := max(len(text)/max(pieces, 1), 1)
	done := false
	for o.taken < len(text) && !done {
		piece := text[o.taken:min(o.taken+size, len(text))]
		held := bytes.Clone(piece) // whose place is used for others later
		n, d, err := r.Feed(held)
		clear(held)
		if err != nil {
			return outcome{failed: true}
		}
		if !d && n != len(piece) {
			panic("it left bytes and was not whole")
		}
		o.taken, done = o.taken+n, d
	}
	if !done && r.End() != nil {
		return outcome{}
	}
	return outcome{r.Status, r.Close, o.taken, true, false}
}

// Every response that net/http accepts is read as net/http reads it, however it comes in
// pieces, and none is whole that net/http refuses.
func FuzzResponse(f *testing.F) {
	for _, text := range samples {
		for _, pieces := range []int{1, 2, 1000} {
			f.Add([]byte(text), false, pieces)
		}
		f.Add([]byte(text), true, 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, head bool, pieces int) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		want := theirs(text, method)
		if tolerated(text, want) {
			return
		}
		r := new(Response)
		r.held, r.head.unfolding = []byte("left over"), []byte("left over")
		if got := ours(r, text, method, pieces); got.whole != want.whole || want.whole && got != want {
			t.Errorf("%s %q in %d pieces:\n%+v, net/http %+v", method, text, pieces, got, want)
		}
	})
}

// tolerated reports whether a text is one of those that are read otherwise on purpose.
func tolerated(text []byte, theirs outcome) bool {
	switch {
	case len(text) > 3000: // net/http's limits are those of its buffers
		return true
	case !bytes.HasPrefix(text, []byte("HTTP/1.")) || bytes.Count(text, []byte("HTTP/")) != bytes.Count(text, []byte("HTTP/1.")): // other versions are refused
		return true
	case bytes.Contains(text, []byte(" +")) || theirs.status < 100 && theirs.whole: // no status, or one with a sign
		return true
	}
	// In a trailer a line ends with CRLF.
	return bytes.Contains(bytes.ToLower(text), []byte("chunked")) && bytes.Contains(bytes.ReplaceAll(text, crlf, nil), []byte("\n"))
}

var samples = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
	"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nCONTENT-LENGTH: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
	"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 01\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\n\r\nto the end",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nab",
	"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nConnection: upgrade, Close\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n000\r\nX: y\r\nZ: w\r\n\r\nrest",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes",
	"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nafter",
	"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\nafter",
	"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-Folded: a\r\n b\r\n\tc\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nContent-Length:\r\n 3\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nConnection: keep-alive,\r\n close\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\nCont\r\n ent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
	"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
	"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.12 200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\r\n\r\n", "",
}
