package result

import "time"

// An Interval is what one generator saw in one window of time. Intervals of
// several generators, or windows, add up.
type Interval struct {
	Agent string        `json:"agent,omitempty"` // the generator, if there are several
	Seq   int           `json:"seq"`             // number of the window, from 0
	From  time.Duration `json:"from_ns"`         // since the generator's start
	To    time.Duration `json:"to_ns"`
	Last  bool          `json:"last,omitempty"` // the generator has stopped

	Completed  uint64            `json:"completed"` // requests, connections
	Issued     uint64            `json:"issued"`    // of an open loop: were to be sent
	Backlog    int               `json:"backlog"`   // of them: not sent at the end of the window
	Unanswered int               `json:"unanswered"`
	Errors     map[string]uint64 `json:"errors,omitempty"`        // by what went wrong
	Details    map[string]string `json:"error_details,omitempty"` // the first error of a kind, where it says more than the kind
	BytesOut   uint64            `json:"bytes_out"`
	BytesIn    uint64            `json:"bytes_in"`
	Verified   uint64            `json:"verified"` // bytes that were checked and right
	Connects   uint64            `json:"connects"`
	Open       int               `json:"open"`           // connections at the end of the window
	InFlight   float64           `json:"in_flight"`      // requests under way, mean over the window
	Cut        uint64            `json:"cut,omitempty"`  // slow connections, or such as were to be reset, that the target ended, as it may to defend itself
	Dead       uint64            `json:"dead,omitempty"` // held connections that had ended, or did, when all were asked at the end

	Response *Histogram `json:"response,omitempty"` // from the intended send to the response
	Service  *Histogram `json:"service,omitempty"`  // from the actual write
	Lag      *Histogram `json:"lag,omitempty"`      // from the intended send to the actual write
	Late     *Histogram `json:"late,omitempty"`     // of it: while a connection was free
	Connect  *Histogram `json:"connect,omitempty"`  // from connect to connected

	Busy    time.Duration `json:"busy_ns"`    // CPU time of the generator's process
	Machine time.Duration `json:"machine_ns"` // of an agent: CPU time that its machine has, idle or not
	Stolen  time.Duration `json:"stolen_ns"`  // and of that, what other guests took

	Parts map[string]Part `json:"-"` // of several agents: what each of them did of it
}

// A Part is what one agent did of what several did together.
type Part struct {
	Completed, BytesOut, BytesIn uint64
	Busy, Machine, Stolen        time.Duration
}

// Empty answers an interval to which others can be added.
func Empty() *Interval {
	return &Interval{
		Errors: map[string]uint64{}, Details: map[string]string{},
		Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram(), Late: NewHistogram(), Connect: NewHistogram(),
	}
}

// Reset makes i empty again.
func (i *Interval) Reset() {
	*i = Interval{Errors: map[string]uint64{}, Details: map[string]string{}, Response: i.Response, Service: i.Service, Lag: i.Lag, Late: i.Late, Connect: i.Connect}
	for _, h := range i.histograms() {
		h.Reset()
	}
}

func (i *Interval) histograms() []*Histogram {
	return []*Histogram{i.Response, i.Service, i.Lag, i.Late, i.Connect}
}

// Fail counts an error of a kind. The detail of the first of a kind is kept, unless it
// is empty.
func (i *Interval) Fail(what, detail string) {
	i.Errors[what]++
	i.detail(what, detail)
}

func (i *Interval) detail(what, detail string) {
	if _, known := i.Details[what]; !known && detail != "" {
		i.Details[what] = detail
	}
}

// Failed is the number of errors.
func (i *Interval) Failed() (n uint64) {
	for _, m := range i.Errors {
		n += m
	}
	return n
}

// Append adds the next window of the same generators: what is counted adds up, and
// what is a state is that of the later window.
func (i *Interval) Append(o *Interval) {
	mine, its := float64(i.To-i.From), float64(o.To-o.From)
	if mine+its > 0 {
		i.InFlight = (i.InFlight*mine + o.InFlight*its) / (mine + its)
	}
	if mine == 0 {
		i.From = o.From
	}
	i.Seq, i.To = o.Seq, o.To
	i.Backlog, i.Unanswered, i.Open = o.Backlog, o.Unanswered, o.Open
	i.count(o)
}

// Beside adds the same window of another generator, or loop.
func (i *Interval) Beside(o *Interval) {
	if i.To == 0 {
		i.From, i.To, i.Seq = o.From, o.To, o.Seq
	}
	i.InFlight += o.InFlight
	i.Backlog += o.Backlog
	i.Unanswered += o.Unanswered
	i.Open += o.Open
	i.count(o)
}

func (i *Interval) count(o *Interval) {
	i.Completed += o.Completed
	i.Issued += o.Issued
	i.BytesOut += o.BytesOut
	i.BytesIn += o.BytesIn
	i.Verified += o.Verified
	i.Connects += o.Connects
	i.Cut += o.Cut
	i.Dead += o.Dead
	i.Busy += o.Busy
	i.Machine += o.Machine
	i.Stolen += o.Stolen
	i.Last = i.Last || o.Last
	for what, n := range o.Errors {
		i.Errors[what] += n
		i.detail(what, o.Details[what])
	}
	i.credit(o)
	its := o.histograms()
	for k, h := range i.histograms() {
		h.Merge(its[k])
	}
}

// credit keeps account of what agents did.
func (i *Interval) credit(o *Interval) {
	if o.Agent != "" {
		i.add(o.Agent, Part{o.Completed, o.BytesOut, o.BytesIn, o.Busy, o.Machine, o.Stolen})
	}
	for name, part := range o.Parts {
		i.add(name, part)
	}
}

func (i *Interval) add(agent string, p Part) {
	if i.Parts == nil {
		i.Parts = map[string]Part{}
	}
	sum := i.Parts[agent]
	i.Parts[agent] = Part{
		sum.Completed + p.Completed, sum.BytesOut + p.BytesOut, sum.BytesIn + p.BytesIn,
		sum.Busy + p.Busy, sum.Machine + p.Machine, sum.Stolen + p.Stolen,
	}
}
