package plan

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// What is composed is read by net/http as what was asked for.
func TestHTTPRequestsAreComposed(t *testing.T) {
	for _, c := range []struct {
		r    HTTPRequest
		host string
		want string // method, URI, host, length of the body
	}{
		{HTTPRequest{Method: "GET", Target: "/a?b=c"}, "h:1", "GET /a?b=c h:1 0"},
		{HTTPRequest{Method: "POST", Target: "/", Body: []byte("xyz")}, "h", "POST / h 3"},
		{HTTPRequest{Method: "POST", Target: "/"}, "h", "POST / h 0"},
		{HTTPRequest{Method: "PUT", Target: "/", Header: []string{"host: other", "Transfer-Encoding: chunked"}, Body: []byte("2\r\nab\r\n0\r\n\r\n")}, "h", "PUT / other 2"},
	} {
		m, err := c.r.Message(c.host)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(m.Bytes)))
		if err != nil {
			t.Fatalf("%q: %v", m.Bytes, err)
		}
		body, err := io.ReadAll(r.Body)
		if got := fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", len(body)); got != c.want || err != nil {
			t.Errorf("%q: %s, %v, want %s", m.Bytes, got, err, c.want)
		}
	}
	for _, r := range []HTTPRequest{
		{Method: "GE T", Target: "/"},
		{Method: "GET", Target: "/a b"},
		{Method: "GET", Target: "/", Header: []string{"no colon"}},
		{Method: "GET", Target: "/", Header: []string{"A: b\r\nC: d"}},
	} {
		if m, err := r.Message("h"); err == nil {
			t.Errorf("%+v: %q", r, m.Bytes)
		}
	}
}

func TestAFileOfRequestsIsRead(t *testing.T) {
	target, err := ParseTarget("http://127.0.0.1:8080/")
	if err != nil {
		t.Fatal(err)
	}
	read := func(file string) ([]byte, error) {
		if file != "body" {
			return nil, os.ErrNotExist
		}
		return []byte("the body"), nil
	}
	all, err := ParseRequests("# two\nGET /a\nX-A: b\n\n\nPOST http://127.0.0.1:8080/b?c\n@body\n", target, []string{"X-All: y"}, read)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%q", all), `[{"GET" "/a" ["X-All: y" "X-A: b"] ""} {"POST" "/b?c" ["X-All: y"] "the body"}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for text, want := range map[string]string{
		"":                            "has no request",
		"GET":                         "line 1",
		"GET /\n@nofile":              "line 2",
		"GET http://127.0.0.1:8081/":  "goes to http://127.0.0.1:8080/ alone",
		"GET https://127.0.0.1:8080/": "goes to http://127.0.0.1:8080/ alone",
		"GET /\nGET /":                "", // the second is a header line, which composing refuses
		"\n\nX-A: b":                  "line 3",
	} {
		if all, err := ParseRequests(text, target, nil, read); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, %v, want %q", text, all, err, want)
		}
	}
}

func TestHTTPTargetsAreRead(t *testing.T) {
	for _, c := range []struct{ url, address, host, path string }{
		{"http://example.com", "example.com:80", "example.com", "/"},
		{"https://example.com/a?b#c", "example.com:443", "example.com", "/a?b"},
		{"http://[::1]:8080/x y", "[::1]:8080", "[::1]:8080", "/x%20y"},
	} {
		got, err := ParseTarget(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got.Address != c.address || got.Host() != c.host || got.Path() != c.path || got.TLS() != strings.HasPrefix(c.url, "https") {
			t.Errorf("%s: %q, host %q, path %q, TLS %v", c.url, got.Address, got.Host(), got.Path(), got.TLS())
		}
		again, err := ParseTarget(got.String())
		if err != nil || again != got {
			t.Errorf("%s: %v and %v, %v", c.url, got, again, err)
		}
		if moved := got.At("127.0.0.1:9"); moved.Address != "127.0.0.1:9" || moved.TLS() != got.TLS() || moved.Path() != got.Path() {
			t.Errorf("%s elsewhere: %v", c.url, moved)
		}
	}
	for _, bad := range []string{"http://", "http://u:p@h/", "http://h:0/", "http://h:port/", "http://h:99999/", "ftp://h/"} {
		if got, err := ParseTarget(bad); err == nil {
			t.Errorf("%s: %v", bad, got)
		}
	}
}

// A request of the user's own that makes no sense is refused before any load.
func TestMessagesAreChecked(t *testing.T) {
	tcp, site := Target{Network: "tcp", Address: "127.0.0.1:1"}, Target{Network: "tcp", Address: "127.0.0.1:1", URL: "https://127.0.0.1:1/"}
	ping := []Message{{Bytes: []byte("PING\r\n")}}
	for want, p := range map[string]Plan{
		"":                  {Kind: RR, Target: tcp, Protocol: Raw, Messages: ping, Until: "\r\n"},
		"must say what":     {Kind: RR, Target: tcp, Protocol: Raw, Until: "\r\n"},
		"where an answer":   {Kind: RR, Target: tcp, Protocol: Raw, Messages: ping},
		"at least one byte": {Kind: RR, Target: tcp, Protocol: Raw, Messages: []Message{{}}, Until: "\r\n"},
		"at most":           {Kind: RR, Target: tcp, Protocol: Raw, Messages: []Message{{Bytes: make([]byte, maxMessages+1)}}, Until: "\r\n"},
		"an echo has no":    {Kind: RR, Target: tcp, Messages: ping},
		"are of a":          {Kind: RR, Target: tcp, Until: "\r\n"},
		"error parsing":     {Kind: RR, Target: tcp, Protocol: Raw, Messages: ping, Match: "("},
		"must be UTF-8":     {Kind: RR, Target: tcp, Protocol: Raw, Messages: ping, Until: "\xff"},
		"the target is":     {Kind: RR, Target: site},
		"https is for":      {Kind: RST, Probes: 1, Target: site, Protocol: HTTP, Messages: ping},
		"it has no":         {Kind: Slow, Pace: 1, Probes: 1, Target: tcp, Protocol: Raw, Messages: ping, Until: "\r\n"},
	} {
		p.Conns, p.Time = 1, time.Second
		p.Defaults()
		if err := p.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
