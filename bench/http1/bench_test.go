package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// typical is what a stock nginx sends.
var typical = []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 28 Nov 2026 09:42:50 GMT\r\nContent-Type: text/html\r\nContent-Length: 64\r\n" +
	"Last-Modified: Sat, 28 Nov 2026 09:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6745-264\"\r\nAccept-Ranges: bytes\r\n\r\n" +
	"0123456789012345678901234567890123456789012345678901234567890123")

// What a response costs the generator, against net/http's parser.
func BenchmarkResponse(b *testing.B) {
	r := new(Response)
	b.ReportAllocs()
	for b.Loop() {
		r.Begin(false)
		if _, done, err := r.Feed(typical); err != nil || !done {
			b.Fatal(err)
		}
	}
}

func BenchmarkNetHTTP(b *testing.B) {
	in := bytes.NewReader(typical)
	buf := bufio.NewReader(in)
	req := &http.Request{Method: http.MethodGet}
	b.ReportAllocs()
	for b.Loop() {
		in.Reset(typical)
		buf.Reset(in)
		resp, err := http.ReadResponse(buf, req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
	}
}

// A response costs no allocation, whether it comes whole or in pieces.
func TestResponsesDoNotAllocate(t *testing.T) {
	r := new(Response)
	for _, size := range []int{len(typical), 100, 1} {
		each := testing.AllocsPerRun(100, func() {
			r.Begin(false)
			for b := typical; len(b) > 0; {
				n, _, err := r.Feed(b[:min(size, len(b))])
				if err != nil {
					t.Fatal(err)
				}
				b = b[n:]
			}
		})
		if each > 0 {
			t.Errorf("in pieces of %d bytes: %v allocations", size, each)
		}
	}
}
