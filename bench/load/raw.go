package load

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A matcher finds where an answer to a request of the user's own ends: by length, by
// delimiter, or where a pattern first matches. If the pattern is given beside one of the
// others, the whole answer has to match it.
type matcher struct {
	length  int
	until   []byte
	pattern *regexp.Regexp
}

func newMatcher(p *plan.Plan) *matcher {
	m := &matcher{length: p.Response, until: []byte(p.Until)}
	if p.Match != "" {
		m.pattern = regexp.MustCompile(p.Match) // the plan was checked
	}
	return m
}

// maxAnswer bounds an answer whose length is not known.
const maxAnswer = 64 << 20

var errEndless = fmt.Errorf("an answer of more than %d bytes, whose end was not found", maxAnswer)

// feed takes in bytes of an answer, of which held has come before, and returns how many
// of b are part of it. It returns what is to be held for the next call.
func (m *matcher) feed(held, b []byte) (rest []byte, n int, done bool, err error) {
	text := b
	if len(held) > 0 {
		text = append(held, b...)
	}
	end := m.end(text, len(text)-len(b))
	if end < 0 {
		if len(text) > maxAnswer {
			return held, 0, false, errEndless
		}
		if len(held) == 0 {
			text = append(held, b...)
		}
		return text, len(b), false, nil
	}
	if m.pattern != nil && !m.pattern.Match(text[:end]) {
		return held, 0, false, &result.Fault{Kind: "the answer does not match", Detail: fmt.Sprintf("%.80q", text[:end])}
	}
	return held[:0], end - (len(text) - len(b)), true, nil
}

// end returns the index behind the answer in text, of which the bytes from seen on are
// new, or -1.
func (m *matcher) end(text []byte, seen int) int {
	switch {
	case m.length > 0:
		if len(text) < m.length {
			return -1
		}
		return m.length
	case len(m.until) > 0:
		from := max(seen-len(m.until)+1, 0)
		i := bytes.Index(text[from:], m.until)
		if i < 0 {
			return -1
		}
		return from + i + len(m.until)
	}
	if at := m.pattern.FindIndex(text); at != nil && at[1] > 0 {
		return at[1]
	}
	return -1
}
