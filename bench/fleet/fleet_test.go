package fleet

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

func TestWhatIsMergedIsWhatAgentsReported(t *testing.T) {
	testkit.Leaks(t)
	target := echo(t)
	f := fleetOf(t, "2")
	reports := overhears(t, f)
	for _, name := range []string{"a", "b"} {
		agent(t, &Agent{URL: f.url(), Name: name})
	}
	res, all, err := drives(t, f, planOf(target), nil)
	if err != nil {
		t.Fatal(err)
	}
	sums, total := map[int]*result.Interval{}, result.Empty()
	for _, p := range reports() {
		if p.Is != isWindow {
			continue
		}
		key := p.Window.Seq
		if key >= len(all.windows) {
			key = -1 // came after the last window of all
		}
		if sums[key] == nil {
			sums[key] = result.Empty()
		}
		sums[key].Beside(p.Window)
		total.Beside(p.Window)
	}
	if len(all.windows) == 0 || total.Completed == 0 {
		t.Fatalf("%d windows, %d completed: no load", len(all.windows), total.Completed)
	}
	sum := result.Empty()
	for k, w := range all.windows {
		if w.Seq != k {
			t.Fatalf("window %d came in place of %d", w.Seq, k)
		}
		if d := same(w, sums[k]); d != "" {
			t.Errorf("window %d: %s", k, d)
		}
		sum.Append(w)
	}
	if d := same(all.last, sums[-1]); d != "" {
		t.Errorf("last window: %s", d)
	}
	for _, name := range []string{"a", "b"} { // CPUs of 10 ms ticks: a window may have none
		if p := sum.Parts[name]; p.Machine <= 0 || p.Stolen > p.Machine {
			t.Errorf("agent %s says of its machine: %v of CPU time, %v stolen", name, p.Machine, p.Stolen)
		}
	}
	sum.Append(all.last)
	if d := same(sum, total); d != "" {
		t.Errorf("all windows: %s", d)
	}
	credited(t, res)
}

// credited checks what each of two agents is said to have done.
func credited(t *testing.T, res *result.Result) {
	t.Helper()
	if len(res.Agents) != 2 || res.Generator.Loops != 2 {
		t.Fatalf("agents %+v, %d loops", res.Agents, res.Generator.Loops)
	}
	var done, in uint64
	var cpu int64
	for _, a := range res.Agents {
		if a.Completed == 0 || a.Host == "" || a.Lost != "" {
			t.Errorf("agent %+v", a)
		}
		done, in, cpu = done+a.Completed, in+a.BytesIn, cpu+a.CPU
	}
	if done != res.Completed || in != res.BytesIn || cpu != res.Generator.CPU {
		t.Errorf("agents together: %d completed, %d bytes, %d ns; the run: %d, %d, %d", done, in, cpu, res.Completed, res.BytesIn, res.Generator.CPU)
	}
}

func TestMergedHistogramsEqualThoseRecordedTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const agents, windows = 3, 4
	together := result.Empty()
	merged := result.Empty()
	r := newRun(&Fleet{Options: &Options{}}, planOf(plan.Target{}), func(i *result.Interval) { merged.Append(i) })
	defer r.ticker.Stop()
	for k := range agents {
		r.members = append(r.members, &member{name: string(rune('a' + k))})
	}
	for seq := range windows {
		for _, m := range r.members {
			i := result.Empty()
			i.Seq, i.From, i.To = seq, time.Duration(seq)*time.Second, time.Duration(seq+1)*time.Second
			for range 1000 {
				ns := int64(random.ExpFloat64() * 1e6)
				i.Response.Record(ns)
				together.Response.Record(ns)
				i.Completed++
			}
			p := new(report)
			decode(t, encode(report{Agent: m.name, Is: isWindow, Window: i}), p)
			r.report(m, p)
			r.merge(context.Background())
		}
	}
	if !merged.Response.Equal(together.Response) {
		t.Errorf("merged: %+v; recorded together: %+v", merged.Response.Percentiles(), together.Response.Percentiles())
	}
	if merged.Completed != agents*windows*1000 || merged.To != windows*time.Second {
		t.Errorf("%d completed in %v", merged.Completed, merged.To)
	}
}

func TestAgentsServeOneRunAfterAnother(t *testing.T) {
	testkit.Leaks(t)
	target := echo(t)
	f := fleetOf(t, "a,b")
	for _, name := range []string{"b", "a"} {
		agent(t, &Agent{URL: f.url(), Name: name})
	}
	for range 2 {
		res, _, err := drives(t, f, planOf(target), nil)
		if err != nil {
			t.Fatal(err)
		}
		credited(t, res)
	}
}

func TestAnAgentServesOnceIfToldTo(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "1")
	_, ended := agent(t, &Agent{URL: f.url(), Name: "a", Once: true})
	if _, _, err := drives(t, f, planOf(echo(t)), nil); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAgentsWaitForTheControllerToCome(t *testing.T) {
	testkit.Leaks(t)
	listen := freeAddress(t)
	agent(t, &Agent{URL: "nats://" + listen, Name: "a"})
	f := fleetOf(t, "1", func(o *Options) { o.Listen = listen })
	if _, _, err := drives(t, f, planOf(echo(t)), nil); err != nil {
		t.Fatal(err)
	}
}

func TestAClusterElsewhereWillDo(t *testing.T) {
	testkit.Leaks(t)
	s, err := serve("127.0.0.1:0", "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	f := fleetOf(t, "1", func(o *Options) { o.URL, o.Token = url(s), "secret" })
	agent(t, &Agent{URL: url(s), Name: "a", Token: "secret"})
	if _, _, err := drives(t, f, planOf(echo(t)), nil); err != nil {
		t.Fatal(err)
	}
}

func TestATokenIsChecked(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "1", func(o *Options) { o.Token = "secret" })
	_, ended := agent(t, &Agent{URL: f.url(), Name: "a", Token: "guessed"})
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "--token must be") {
		t.Errorf("a wrong token: %v", err)
	}
	_, err := New(&Options{Listen: "0.0.0.0:0", Progress: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "set --agents-token") {
		t.Errorf("a server for everybody without a token: %v", err)
	}
}
