package fleet

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// The subjects. The number changes when the two sides could not even talk about what
// divides them any more; for all else there is the schema in the messages.
const (
	prefix      = "penstock.bench.1."
	callSubject = prefix + "call" // to all agents
)

// runSubject is where the agents of a run report to.
func runSubject(run string) string { return prefix + "run." + run }

// agentSubject is where one agent, which is a connection, takes its orders.
func agentSubject(id string) string { return prefix + "agent." + id }

// pingSubject is where it answers that it is there, whatever else it does.
func pingSubject(id string) string { return prefix + "agent." + id + ".ping" }

// What an order says to do.
const (
	doCall    = "call"    // who is there?
	doRefuse  = "refuse"  // this run goes without you
	doPrepare = "prepare" // connect, and say when you are ready
	doGo      = "go"      // begin
	doStop    = "stop"    // send the last window, and be free for another run
)

// An order is what the controller sends.
type order struct {
	Run  string     `json:"run"`
	Do   string     `json:"do"`
	Plan *plan.Plan `json:"plan,omitempty"` // the agent's share, of prepare
	Why  string     `json:"why,omitempty"`  // of refuse
}

// What a report says.
const (
	isHere   = "here"   // in answer to a call
	isReady  = "ready"  // connected
	isWindow = "window" // a window has ended
	isFailed = "failed" // the agent has left the run
)

// A report is what an agent sends.
type report struct {
	Agent    string           `json:"agent"` // its name
	ID       string           `json:"id"`    // of its connection: there may be two of one name
	Is       string           `json:"is"`
	Host     string           `json:"host,omitempty"`     // of here
	Schema   string           `json:"schema,omitempty"`   // of here
	Revision string           `json:"revision,omitempty"` // of here
	Why      string           `json:"why,omitempty"`      // of failed
	Window   *result.Interval `json:"window,omitempty"`
}

// slim leaves out histograms that are empty: each takes half a millisecond to encode.
func slim(i *result.Interval) *result.Interval {
	s := *i
	for _, h := range []**result.Histogram{&s.Response, &s.Service, &s.Lag, &s.Late, &s.Connect} {
		if (*h).Count() == 0 {
			*h = nil
		}
	}
	return &s
}

// encode makes a message. What it is given are structs of this package.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// The times that both sides keep.
const (
	beat    = 250 * time.Millisecond // between calls, and between pings
	silence = 3 * time.Second        // so long without a word, and the other is given up
)

var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// CheckName says whether a name can be an agent's.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("agent %q: a name is up to 64 letters, digits, - and _", name)
	}
	return nil
}

// schema is what both sides must have in common, or their figures mean different things.
const schema = result.Schema

// revision is the commit that the program was built from, if it knows it.
func revision() (r string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			r = s.Value + r
		case s.Key == "vcs.modified" && s.Value == "true":
			r += " and changes"
		}
	}
	return r
}

// differs says in what an agent differs from this program, if it does.
func differs(r *report) string {
	mine := revision()
	switch {
	case r.Schema != schema:
		return fmt.Sprintf("the agent's figures are of schema %q, the controller's of %q: run the same version on both", r.Schema, schema)
	case r.Revision != "" && mine != "" && r.Revision != mine:
		return fmt.Sprintf("the agent was built from commit %s, the controller from %s: run the same version on both", r.Revision, mine)
	}
	return ""
}
