package load

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
)

func TestARateThatThePortsCannotCarryIsRefusedWithARemedy(t *testing.T) {
	near, far := plan.Target{Network: "tcp", Address: "127.0.0.1:80"}, plan.Target{Network: "tcp", Address: "10.0.0.1:80"}
	unix := plan.Target{Network: "unix", Address: "@x"}
	never, always, loopback := ports{10_001, 40_000, 0, time.Second}, ports{10_001, 40_000, 1, time.Second}, ports{10_001, 40_000, 2, time.Second}
	for name, c := range map[string]struct {
		machine  ports
		target   plan.Target
		rate     float64
		sources  int
		ending   string
		carried  bool
		remedies []string
	}{
		"just carried":            {never, near, 500, 0, plan.FIN, true, nil},
		"a little more":           {never, near, 501, 0, plan.FIN, false, []string{"carry 500 ", "--sources 2,", "--end rst", "-r 500"}},
		"from several addresses":  {never, near, 900, 2, plan.FIN, true, nil},
		"from too few":            {never, near, 1400, 2, plan.FIN, false, []string{"carry 1000 ", "--sources 3,"}},
		"no address to help":      {never, far, 501, 0, plan.FIN, false, []string{"--end rst"}},
		"reused on loopback":      {loopback, near, 30_000, 0, plan.FIN, true, nil},
		"reused there alone":      {loopback, far, 501, 0, plan.FIN, false, []string{"kept for 1m0s"}},
		"reused everywhere":       {always, far, 30_000, 0, plan.FIN, true, nil},
		"reused, and more":        {always, near, 30_001, 0, plan.FIN, false, []string{"kept for 1s", "--sources 2,"}},
		"a rate beyond addresses": {never, near, 1e6, 0, plan.FIN, false, []string{"--end rst"}},
		"resets":                  {never, near, 1e6, 0, plan.Reset, true, nil},
		"unix":                    {never, unix, 1e6, 0, plan.FIN, true, nil},
		"closed loop":             {never, near, 0, 0, plan.FIN, true, nil},
	} {
		p := &plan.Plan{Kind: plan.CRR, Target: c.target, Rate: c.rate, Sources: c.sources, Ending: c.ending}
		err := c.machine.carry(p)
		if !keepsPorts(p) {
			err = nil
		}
		if (err == nil) != c.carried {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range c.remedies {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: no %q in %v", name, part, err)
			}
		}
		if err != nil && (c.target == far || c.rate == 1e6) && strings.Contains(err.Error(), "--sources") {
			t.Errorf("%s: no source address helps: %v", name, err)
		}
	}
}

// A load is refused before it connects, by what this machine has.
func TestPortsAreLookedAtBeforeALoadStarts(t *testing.T) {
	p := &plan.Plan{Kind: plan.CRR, Target: plan.Target{Network: "tcp", Address: "127.0.0.1:1"}, Conns: 1, Rate: 1e9, Time: time.Second}
	p.Defaults()
	_, err := Start(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "the ports carry") {
		t.Error(err)
	}
}
