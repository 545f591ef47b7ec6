package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/plan"
)

// requestFlags say what is asked of a target, and what it answers.
type requestFlags struct {
	Size     plan.Mix `default:"64" help:"Bytes of a request, or a mix: 64:80,1KiB:15,16KiB:5."`
	Response int      `help:"Bytes of a response. 0: as many as the request, an echo whose every byte is checked."`
	Protocol string   `default:"echo" enum:"echo,http" help:"echo, or http: GET /RESPONSE, as serve http answers it. A target http:// or https:// is asked for its path."`

	httpFlags `embed:"" group:"HTTP"`
	rawFlags  `embed:"" group:"Another protocol"`
}

// httpFlags say what is asked of an HTTP server.
type httpFlags struct {
	Method   string   `short:"X" placeholder:"GET" help:"Method of the requests. Default: GET, or POST with a body."`
	Header   []string `short:"H" sep:"none" placeholder:"NAME:VALUE" help:"A header field of every request. Repeatable."`
	Body     string   `placeholder:"TEXT" help:"Body of the requests. @FILE: that of a file."`
	Targets  string   `placeholder:"FILE" help:"Send the requests of a file in turn: for each a line METHOD PATH (or URL of the target's host), header lines, a line @FILE with its body; an empty line between them."`
	Insecure bool     `help:"Do not verify the certificate of an https target."`
}

// rawFlags say what is asked of another server.
type rawFlags struct {
	Payload []string `sep:"none" placeholder:"TEXT" help:"A request, with escapes as in Go: 'PING\\r\\n'. @FILE: the bytes of a file. Repeatable: in turn."`
	Lines   string   `placeholder:"FILE" help:"Send the lines of a file in turn, each with CR LF behind it."`
	Until   string   `placeholder:"TEXT" help:"An answer ends with this, with escapes: '\\r\\n'. Or --response: its length."`
	Match   string   `placeholder:"REGEXP" help:"An answer has to match this. Without --until and --response it ends where the match does."`
}

// set puts the flags into a plan.
func (f *requestFlags) set(p *plan.Plan) (err error) {
	p.Request, p.Response, p.Protocol = f.Size, f.Response, f.Protocol
	p.Insecure = f.Insecure
	asked := f.Method != "" || len(f.Header) > 0 || f.Body != "" || f.Targets != ""
	raw := len(f.Payload) > 0 || f.Lines != ""
	switch {
	case raw && (asked || p.Target.URL != "" || p.Protocol == plan.HTTP):
		err = fmt.Errorf("--payload and --lines are of a protocol other than HTTP")
	case p.Target.URL != "" || asked:
		p.Protocol = plan.HTTP
		p.Messages, err = f.http(p.Target)
	case raw:
		p.Protocol, p.Match = plan.Raw, f.Match
		p.Messages, err = f.raw()
	}
	if err == nil {
		p.Until, err = unescape(f.Until)
	}
	if err != nil {
		return &exit{exitUsage, err}
	}
	p.Match = f.Match
	if len(p.Messages) > 0 {
		largest := 0
		for _, m := range p.Messages {
			largest = max(largest, len(m.Bytes))
		}
		p.Request = plan.Mix{{Bytes: max(largest, 1), Weight: 1}}
	}
	return nil
}

// http composes the requests to an HTTP target.
func (f *httpFlags) http(t plan.Target) ([]plan.Message, error) {
	body, err := textOrFile(f.Body, func(s string) (string, error) { return s, nil })
	if err != nil {
		return nil, fmt.Errorf("--body %w", err)
	}
	one := plan.HTTPRequest{Method: f.Method, Target: t.Path(), Header: f.Header, Body: body}
	if one.Method == "" {
		one.Method = "GET"
		if f.Body != "" {
			one.Method = "POST"
		}
	}
	all := []plan.HTTPRequest{one}
	if f.Targets != "" {
		if f.Method != "" || f.Body != "" {
			return nil, fmt.Errorf("--targets %s: its requests have methods and bodies of their own: leave out --method and --body", f.Targets)
		}
		text, err := os.ReadFile(f.Targets)
		if err != nil {
			return nil, fmt.Errorf("--targets %w", err)
		}
		beside := func(file string) ([]byte, error) {
			if !filepath.IsAbs(file) {
				file = filepath.Join(filepath.Dir(f.Targets), file)
			}
			return os.ReadFile(file)
		}
		if all, err = plan.ParseRequests(string(text), t, f.Header, beside); err != nil {
			return nil, fmt.Errorf("--targets %s: %w", f.Targets, err)
		}
	}
	var messages []plan.Message
	for _, r := range all {
		m, err := r.Message(t.Host())
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// raw reads the requests of another protocol.
func (f *rawFlags) raw() (all []plan.Message, err error) {
	for _, payload := range f.Payload {
		b, err := textOrFile(payload, unescape)
		if err != nil {
			return nil, fmt.Errorf("--payload %w", err)
		}
		all = append(all, plan.Message{Bytes: b})
	}
	if f.Lines == "" {
		return all, nil
	}
	text, err := os.ReadFile(f.Lines)
	if err != nil {
		return nil, fmt.Errorf("--lines %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			all = append(all, plan.Message{Bytes: []byte(line + "\r\n")})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--lines %s: has no line", f.Lines)
	}
	return all, nil
}

// textOrFile returns the bytes of the file that @FILE names, or what read makes of a text.
func textOrFile(s string, read func(string) (string, error)) ([]byte, error) {
	if file, ok := strings.CutPrefix(s, "@"); ok {
		return os.ReadFile(file)
	}
	text, err := read(s)
	return []byte(text), err
}

// unescape reads the escapes of a Go string: \r\n, \x00, \u00e4.
func unescape(s string) (string, error) {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\x22`) + `"`)
	if err != nil {
		return "", fmt.Errorf("%q: is no text with escapes such as \\r\\n", s)
	}
	return text, nil
}
