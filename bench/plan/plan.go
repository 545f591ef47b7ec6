// Package plan says what a load is: what is sent to whom, how often and for how
// long. A Plan is plain data, so that it can be sent to a generator elsewhere.
package plan

import (
	"fmt"
	"time"
)

// A Kind is a kind of load.
type Kind string

const (
	RR        Kind = "rr"        // requests and responses over connections that stay
	CRR       Kind = "crr"       // a connection for each request
	Stream    Kind = "stream"    // bulk
	Hold      Kind = "hold"      // many connections, a few of them active
	Churn     Kind = "churn"     // storms of connections
	Slow      Kind = "slow"      // peers that read or write a little at a time
	HalfClose Kind = "halfclose" // the reply comes after the request's end
	RST       Kind = "rst"       // resets in flight
)

// Unit is what a kind of load does many times, and costs are given for.
func (k Kind) Unit() string {
	switch k {
	case Stream:
		return "GiB"
	case CRR, Churn, HalfClose, RST:
		return "connection"
	}
	return "request"
}

// A Plan is a load on one target. Rates, connections and loops are those of all
// generators together until Share divides them.
type Plan struct {
	Kind   Kind   `json:"kind"`
	Target Target `json:"target"`

	Conns   int           `json:"conns"`             // connections at a time
	Rate    float64       `json:"rate,omitempty"`    // units a second; 0: closed loop
	Arrival string        `json:"arrival,omitempty"` // Poisson or Constant, of an open loop
	Time    time.Duration `json:"duration_ns"`       // what is measured
	Warmup  time.Duration `json:"warmup_ns"`         // at most so long is discarded first
	Window  time.Duration `json:"window_ns"`         // how often the generators tell
	Loops   int           `json:"loops"`             // event loops of each generator
	Seed    uint64        `json:"seed"`
	Timeout time.Duration `json:"timeout_ns"` // a connection on which nothing moves for so long has failed

	Request   Mix    `json:"request"`            // bytes of a request; of a segment, for a stream
	Response  int    `json:"response,omitempty"` // bytes; 0: as many as the request, an echo
	Protocol  string `json:"protocol"`           // Echo, HTTP or Raw
	Pipeline  int    `json:"pipeline"`           // requests under way on a connection
	Fragments int    `json:"fragments"`          // writes of a request
	Verify    bool   `json:"verify"`             // every byte is checked

	Messages []Message `json:"messages,omitempty"` // of HTTP and Raw: the requests, in turn; none: GET /Response
	Until    string    `json:"until,omitempty"`    // of Raw: what an answer ends with
	Match    string    `json:"match,omitempty"`    // of Raw: a regular expression that an answer matches; it ends there unless Response or Until say where
	Insecure bool      `json:"insecure,omitempty"` // the target's certificate is not verified

	Direction string  `json:"direction,omitempty"` // of a stream: Up, Down, Both
	Light     bool    `json:"light,omitempty"`     // of a stream: the generator touches no byte
	Ending    string  `json:"ending,omitempty"`    // FIN or Reset: how a connection ends
	Active    float64 `json:"active,omitempty"`    // share of held connections that send
	Touch     bool    `json:"touch,omitempty"`     // held connections have sent and received once before the load begins
	Sources   int     `json:"sources,omitempty"`   // addresses of 127.0.0.0/8 to connect from; 0: the kernel's choice
	Pace      int     `json:"pace,omitempty"`      // bytes a second of a slow peer
	Side      string  `json:"side,omitempty"`      // of slow: Read or Write
	Probes    int     `json:"probes,omitempty"`    // of slow, rst: connections of requests beside the load; at least one for each loop

	Pause time.Duration `json:"pause_ns,omitempty"` // of churn: between storms
}

// The values of Plan's strings.
const (
	Poisson  = "poisson"
	Constant = "constant"

	Echo = "echo"
	HTTP = "http"
	Raw  = "raw"

	Up   = "up"
	Down = "down"
	Both = "both"

	FIN   = "fin"
	Reset = "rst"

	Read  = "read"
	Write = "write"
)

// Defaults fills in what was left open.
func (p *Plan) Defaults() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&p.Arrival, Poisson)
	set(&p.Protocol, Echo)
	set(&p.Direction, Up)
	set(&p.Ending, FIN)
	set(&p.Side, Read)
	if p.Sources == 0 && p.Conns > portsOfSource && p.Target.Loopback() {
		p.Sources = min(p.Conns/portsOfSource+1, MaxSources)
	}
	for _, n := range []*int{&p.Loops, &p.Pipeline, &p.Fragments} {
		if *n == 0 {
			*n = 1
		}
	}
	if len(p.Request) == 0 {
		p.Request = Mix{{Bytes: 64, Weight: 1}}
		if p.Kind == Stream {
			p.Request = Mix{{Bytes: 128 << 10, Weight: 1}}
		}
	}
	if p.Window == 0 {
		p.Window = min(max(p.Time/10, 50*time.Millisecond), time.Second)
	}
	if p.Timeout == 0 {
		p.Timeout = 10 * time.Second
	}
}

const (
	// mostRate is more than any one target answers.
	mostRate = 1e9
	// MaxSources is how many addresses of 127.0.0.0/8 a load may come from.
	MaxSources = 250
	// portsOfSource is how many connections to one port can well come from one
	// address: Linux gives 28,232 ports, some of which others use.
	portsOfSource = 20_000
)

// Idle says that nothing is asked of the target but to keep its connections.
func (p *Plan) Idle() bool { return p.Kind == Hold && p.Active == 0 }

// probed says that requests beside the load show what it does to others.
func (p *Plan) probed() bool { return p.Kind == Slow || p.Kind == RST }

// An Invalid is a value of a plan that cannot be, and what can be done about it.
type Invalid struct {
	Flag, Value, Remedy string
}

func (e *Invalid) Error() string {
	dash := "--"
	if len(e.Flag) == 1 {
		dash = "-"
	}
	return fmt.Sprintf("%s%s %s: %s", dash, e.Flag, e.Value, e.Remedy)
}

func invalid(flag string, value any, remedy string, args ...any) error {
	return &Invalid{flag, fmt.Sprint(value), fmt.Sprintf(remedy, args...)}
}

// Check says what cannot be run, before any load starts.
func (p *Plan) Check() error {
	switch {
	case p.Conns < 1:
		return invalid("c", p.Conns, "must be at least 1")
	case p.Time <= 0:
		return invalid("d", p.Time, "must be above 0")
	case p.Window < 10*time.Millisecond:
		return invalid("window", p.Window, "must be at least 10ms")
	case !(p.Rate >= 0 && p.Rate <= mostRate): // NaN is neither
		return invalid("r", p.Rate, "must be from 0, which is a closed loop, to %.0f", mostRate)
	case p.Warmup < 0:
		return invalid("warmup", p.Warmup, "must be at least 0")
	case p.Timeout < time.Millisecond:
		return invalid("timeout", p.Timeout, "must be at least 1ms")
	case p.Response < 0 || p.Response > maxRequest:
		return invalid("response", p.Response, "must be from 0, which is as many bytes as the request, to %d", maxRequest)
	case p.Arrival != Poisson && p.Arrival != Constant:
		return invalid("arrival", p.Arrival, "must be %s or %s", Poisson, Constant)
	case p.Protocol != Echo && p.Protocol != HTTP && p.Protocol != Raw:
		return invalid("protocol", p.Protocol, "must be %s, %s or %s", Echo, HTTP, Raw)
	case p.Direction != Up && p.Direction != Down && p.Direction != Both:
		return invalid("direction", p.Direction, "must be %s, %s or %s", Up, Down, Both)
	case p.Ending != FIN && p.Ending != Reset:
		return invalid("end", p.Ending, "must be %s or %s", FIN, Reset)
	case p.Side != Read && p.Side != Write:
		return invalid("side", p.Side, "must be %s or %s", Read, Write)
	case !(p.Active >= 0 && p.Active <= 1):
		return invalid("active", p.Active, "must be a share from 0 to 1")
	case p.Idle() && p.Rate > 0:
		return invalid("r", p.Rate, "no connection is active that could send: --active must be above 0")
	case p.Kind == Churn && p.Rate > 0:
		return invalid("r", p.Rate, "storms have no rate: they come one after another, --pause apart")
	case p.Pause < 0:
		return invalid("pause", p.Pause, "must be at least 0")
	case p.Kind == Slow && (p.Pace < 1 || p.Pace > 1<<20):
		return invalid("pace", p.Pace, "must be from 1 to 1048576 bytes a second")
	case p.probed() && (p.Probes < 1 || p.Probes > 1000):
		return invalid("probes", p.Probes, "must be from 1 to 1000")
	case p.Pipeline < 1 || p.Pipeline > 1024:
		return invalid("pipeline", p.Pipeline, "must be from 1 to 1024")
	case p.Fragments < 1:
		return invalid("fragments", p.Fragments, "must be at least 1")
	case p.Loops < 1 || p.Loops > p.Conns:
		return invalid("loops", p.Loops, "must be from 1 to the number of connections, %d", p.Conns)
	case p.Sources < 0 || p.Sources > MaxSources:
		return invalid("sources", p.Sources, "must be from 0 to %d", MaxSources)
	case p.Sources > 0 && !p.Target.Loopback():
		return invalid("sources", p.Sources, "addresses of 127.0.0.0/8 reach a target in 127.0.0.0/8 only, not %v", p.Target)
	}
	if err := p.checkMessages(); err != nil {
		return err
	}
	if p.Kind == Stream {
		if err := p.checkStream(); err != nil {
			return err
		}
	}
	return p.Request.check()
}

// Share is the part of p that generator i of n takes.
func (p Plan) Share(i, n int) Plan {
	p.Conns = p.Conns/n + btoi(i < p.Conns%n)
	p.Rate /= float64(n)
	if p.Probes > 0 {
		p.Probes = max(p.Probes/n+btoi(i < p.Probes%n), 1)
	}
	p.Loops = min(p.Loops, max(p.Conns, 1))
	p.Seed = p.Seed*1_000_003 + uint64(i) + 1
	return p
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
