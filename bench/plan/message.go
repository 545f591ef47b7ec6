package plan

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Message is a request of the user's own, as it is sent.
type Message struct {
	Bytes []byte `json:"bytes"`
	Head  bool   `json:"head,omitempty"` // an HTTP request whose response has no body
}

// maxMessages bounds the bytes of all messages: a plan has to fit into what is sent to
// an agent, where it takes a third more.
const maxMessages = 4 << 20

// An HTTPRequest is what an HTTP message is made of.
type HTTPRequest struct {
	Method string
	Target string // as in the request line: a path and a query
	Header []string
	Body   []byte
}

// Message composes the request to a host. Host, User-Agent and Content-Length are added
// unless the header has them.
func (r *HTTPRequest) Message(host string) (Message, error) {
	if !token(r.Method) {
		return Message{}, fmt.Errorf("method %q: must be a word", r.Method)
	}
	if r.Target == "" || strings.ContainsFunc(r.Target, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return Message{}, fmt.Errorf("path %q: must be without spaces", r.Target)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.Target)
	var names []string
	for _, line := range r.Header {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) || strings.ContainsAny(line, "\r\n\x00") {
			return Message{}, fmt.Errorf("header %q: must be NAME: VALUE", line)
		}
		names = append(names, http.CanonicalHeaderKey(name))
		fmt.Fprintf(&b, "%s: %s\r\n", name, strings.TrimSpace(value))
	}
	add := func(name, value string) {
		if !slices.Contains(names, name) {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	add("Host", host)
	add("User-Agent", "penstock-bench")
	if len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		if !slices.Contains(names, "Transfer-Encoding") {
			add("Content-Length", fmt.Sprint(len(r.Body)))
		}
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return Message{Bytes: b.Bytes(), Head: r.Method == http.MethodHead}, nil
}

// token reports whether s is one of RFC 9110.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// ParseRequests reads requests in the format of vegeta's HTTP targets: a line METHOD URL,
// header lines, and a line @FILE with the body if there is one; an empty line between
// requests; lines that begin with # mean nothing. A URL is a path, or has the host of t.
// read reads the files of bodies.
func ParseRequests(text string, t Target, header []string, read func(file string) ([]byte, error)) (all []HTTPRequest, err error) {
	var r *HTTPRequest
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		bad := func(format string, args ...any) error {
			return fmt.Errorf("line %d, %q: %s", i+1, line, fmt.Sprintf(format, args...))
		}
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			r = nil
		case r == nil:
			method, where, _ := strings.Cut(line, " ")
			path, err := t.path(strings.TrimSpace(where))
			if err != nil {
				return nil, bad("%v", err)
			}
			all = append(all, HTTPRequest{Method: method, Target: path, Header: slices.Clone(header)})
			r = &all[len(all)-1]
		case strings.HasPrefix(line, "@"):
			if r.Body, err = read(strings.TrimSpace(line[1:])); err != nil {
				return nil, bad("%v", err)
			}
		default:
			r.Header = append(r.Header, line)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("has no request: a line METHOD URL begins one")
	}
	return all, nil
}

// path returns what a request line says for a URL of this target, or a path.
func (t Target) path(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", err
	case !u.IsAbs() && strings.HasPrefix(s, "/"):
	case !u.IsAbs():
		return "", fmt.Errorf("a request begins with METHOD URL")
	default:
		other, err := ParseTarget(s)
		if err != nil {
			return "", err
		}
		if other.Address != t.Address || other.TLS() != t.TLS() {
			return "", fmt.Errorf("the load goes to %v alone", t)
		}
	}
	return u.RequestURI(), nil
}

// checkMessages says what cannot be of a plan's requests of the user's own.
func (p *Plan) checkMessages() error {
	n := 0
	for _, m := range p.Messages {
		if len(m.Bytes) == 0 {
			return invalid("payload", `""`, "a request has at least one byte")
		}
		n += len(m.Bytes)
	}
	_, badPattern := regexp.Compile(p.Match)
	switch {
	case n > maxMessages:
		return invalid("payload", fmt.Sprint(n, " bytes"), "all requests together have at most %d", maxMessages)
	case n > 0 && p.Protocol == Echo:
		return invalid("protocol", p.Protocol, "an echo has no requests of the user's own")
	case n > 0 && (p.Kind == Slow || p.Kind == Stream):
		return invalid("payload", p.Kind, "it has no requests of the user's own")
	case p.Protocol == Raw && n == 0:
		return invalid("payload", `""`, "must say what is sent")
	case p.Protocol == Raw && p.Response == 0 && p.Until == "" && p.Match == "":
		return invalid("payload", "", "where an answer ends is to be said by --until, --match or --response")
	case p.Protocol != Raw && (p.Until != "" || p.Match != ""):
		return invalid("until", p.Until, "--until and --match are of a --payload or --lines")
	case !utf8.ValidString(p.Until):
		return invalid("until", strconv.Quote(p.Until), "must be UTF-8")
	case badPattern != nil:
		return invalid("match", p.Match, "%v", badPattern)
	case p.Target.URL != "" && (p.Protocol != HTTP || len(p.Messages) == 0):
		return invalid("protocol", p.Protocol, "the target is HTTP")
	case p.Target.TLS() && !slices.Contains([]Kind{RR, CRR, Hold, Churn}, p.Kind):
		return invalid("target", p.Target, "https is for rr, crr, hold and churn")
	}
	return nil
}
