package fleet

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A double is an agent that generates no load, and does wrong what it is told to do
// wrong.
type double struct {
	name, schema string
	wrong        atomic.Int32  // what it does, from now on
	refused      chan struct{} // closed when it is

	id     string
	conn   *nats.Conn
	orders chan *order
	plan   *plan.Plan
}

const (
	skips = iota + 1 // leaves a window out
	lags             // tells of no window
	fails            // reports that it has failed
)

func (d *double) does(wrong int32) func() { return func() { d.wrong.Store(wrong) } }

// newDouble connects one until the test ends.
func newDouble(t *testing.T, url, name, schema string) *double {
	conn, err := nats.Connect(url, nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	d := &double{name: name, schema: schema, refused: make(chan struct{}), id: nuid.Next(), conn: conn, orders: make(chan *order, 64)}
	quit := make(chan struct{})
	var playing sync.WaitGroup
	t.Cleanup(func() {
		close(quit)
		playing.Wait()
		conn.Close()
	})
	for subject, take := range map[string]nats.MsgHandler{
		pingSubject(d.id): func(m *nats.Msg) { m.Respond(nil) }, agentSubject(d.id): d.take, callSubject: d.take,
	} {
		if _, err := conn.Subscribe(subject, take); err != nil {
			t.Fatal(err)
		}
	}
	playing.Go(func() { d.play(quit) })
	return d
}

func (d *double) take(m *nats.Msg) {
	o := new(order)
	if json.Unmarshal(m.Data, o) == nil {
		d.orders <- o
	}
}

func (d *double) play(quit chan struct{}) {
	var tick <-chan time.Time
	for run, seq := "", 0; ; {
		select {
		case <-quit:
			return
		case o := <-d.orders:
			run = o.Run
			switch o.Do {
			case doCall:
				d.say(run, report{Is: isHere, Host: "nowhere", Schema: d.schema})
			case doPrepare:
				d.plan = o.Plan
				d.say(run, report{Is: isReady})
			case doGo:
				tick = time.Tick(d.plan.Window)
			case doRefuse:
				select {
				case <-d.refused: // before, too
				default:
					close(d.refused)
				}
			case doStop:
				if tick != nil {
					d.window(run, seq, true)
				}
				tick = nil
			}
		case <-tick:
			d.window(run, seq, false)
			seq++
		}
	}
}

func (d *double) window(run string, seq int, last bool) {
	switch {
	case d.wrong.CompareAndSwap(skips, 0), d.wrong.Load() == lags && !last:
	case d.wrong.CompareAndSwap(fails, 0):
		d.say(run, report{Is: isFailed, Why: "out of luck"})
	default:
		i := &result.Interval{Seq: seq, Last: last, From: time.Duration(seq) * d.plan.Window, To: time.Duration(seq+1) * d.plan.Window}
		d.say(run, report{Is: isWindow, Window: i})
	}
}

func (d *double) say(run string, r report) {
	r.Agent, r.ID = d.name, d.id
	d.conn.Publish(runSubject(run), encode(r))
}

// decode reads a message.
func decode(t *testing.T, text []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}
