package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
)

// Requests of the user's own come from the flags, as they are sent.
func TestRequestsComeFromFlags(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	targets := file("targets", "GET /a\n\nPOST /b\n@body\n")
	lines, body := file("lines", "PING\r\n\nGET k\n"), file("body", "from a file")
	for words, want := range map[string]string{
		"http://127.0.0.1:1/x":                                                    "GET /x HTTP/1.1 | ",
		"http://127.0.0.1:1/ --body ab":                                           "POST / HTTP/1.1 | ab",
		"http://127.0.0.1:1/ -X DELETE -H A:b -H C:d":                             "DELETE / HTTP/1.1 A: b C: d | ",
		"http://127.0.0.1:1/ -X PUT --body @" + body:                              "PUT / HTTP/1.1 | from a file",
		"http://127.0.0.1:1/ --targets " + targets:                                "GET /a HTTP/1.1 | ; POST /b HTTP/1.1 | from a file",
		"unix:@site --protocol http --targets " + targets:                         "GET /a HTTP/1.1 | ; POST /b HTTP/1.1 | from a file",
		"127.0.0.1:1 --payload a\\x00\"b\\r\\n --payload @" + body + " --until x": "a\x00\"b\r\n; from a file",
		"127.0.0.1:1 --response 7 --lines " + lines:                               "PING\r\n; GET k\r\n",
		"127.0.0.1:1":                                     "",
		"http://127.0.0.1:1/ --payload x":                 "error: --payload and --lines are of",
		"127.0.0.1:1 --payload x":                         "error: where an answer ends",
		"127.0.0.1:1 --payload x --until a\\q":            "error: is no text with escapes",
		"http://127.0.0.1:1/ --targets /none":             "error: no such file",
		"http://127.0.0.1:1/ -X GET --targets " + targets: "error: leave out --method",
		"http://127.0.0.1:1/ -H nocolon":                  "error: must be NAME: VALUE",
		"127.0.0.1:1 --payload x --match ( ":              "error: missing closing",
	} {
		s := &session{ctx: t.Context(), out: io.Discard, err: io.Discard}
		_, p, err := s.nested(append([]string{"rr"}, strings.Fields(words)...))
		if wrong, ok := strings.CutPrefix(want, "error: "); ok || err != nil {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v, want %s", words, err, want)
			}
			continue
		}
		var got []string
		for _, m := range p.Messages {
			got = append(got, short(p, m))
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

// short is a message without the fields that every HTTP request has.
func short(p *plan.Plan, m plan.Message) string {
	if p.Protocol != plan.HTTP {
		return string(m.Bytes)
	}
	head, body, _ := strings.Cut(string(m.Bytes), "\r\n\r\n")
	var kept []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, _, _ := strings.Cut(line, ":"); name != "Host" && name != "User-Agent" && name != "Content-Length" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ") + " | " + body
}

// A load of a server's own path is measured, beside the null target that answers as much.
func TestAnHTTPTargetIsMeasured(t *testing.T) {
	testkit.Leaks(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/path" {
			t.Errorf("asked for %v", r.URL)
		}
		fmt.Fprint(w, strings.Repeat("x", 1000))
	}))
	defer s.Close()
	var said, complaints bytes.Buffer
	code := run([]string{"rr", s.URL + "/path", "-c", "4", "-d", "300ms", "--warmup", "0s", "-q"}, &said, &complaints)
	if out := said.String(); !strings.Contains(out, "against the null target") || !strings.Contains(out, " 0 errors") || code != 0 && code != exitInvalid {
		t.Errorf("code %d\n%s\n%s", code, out, complaints.String())
	}
}
