package plan

import (
	"strings"
	"testing"
	"time"
)

func TestAStreamThatCannotBeIsRefusedWithARemedy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *Plan)
		want   string // "": it can be
	}{
		"as it is":       {func(*Plan) {}, ""},
		"light":          {func(p *Plan) { p.Light, p.Verify = true, false }, ""},
		"a rate":         {func(p *Plan) { p.Rate = 5 }, "r 5: a stream has no rate"},
		"a mix":          {func(p *Plan) { p.Request = Mix{{64, 1}, {128, 1}} }, "one size"},
		"light, checked": {func(p *Plan) { p.Light = true }, "--no-verify"},
		"much memory":    {func(p *Plan) { p.Conns, p.Request = 100, Mix{{64 << 20, 1}} }, "6400MiB"},
		"no size":        {func(p *Plan) { p.Request = Mix{{0, 1}} }, "from 1B"},
	} {
		p := Plan{Kind: Stream, Target: Target{Network: "tcp", Address: "127.0.0.1:1"}, Conns: 1, Time: time.Second, Verify: true}
		c.change(&p)
		p.Defaults()
		err := p.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
