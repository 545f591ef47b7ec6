package load

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/penstock/penstock/bench/result"
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

// httpPrefix is what an HTTP/1 response begins with.
var httpPrefix = []byte("HTTP/1.")

// succeeded returns an error unless a response has the status of a success: 2xx, or 304
// to a conditional request. A redirect is no answer to what was asked.
func succeeded(status int) error {
	if status/100 == 2 || status == http.StatusNotModified {
		return nil
	}
	return &result.Fault{Kind: fmt.Sprintf("HTTP status %d", status), Detail: http.StatusText(status)}
}
