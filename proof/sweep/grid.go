package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A site is a call as one thread makes it in one scenario.
type site struct {
	Scenario, Thread, Call string
}

// A base is what a run without a fault did.
type base struct {
	calls map[site]int
	turns map[string]uint64 // by scenario
}

// bulkCalls are those that only a long flow makes in a way of its own.
var bulkCalls = []string{"pipe2", "fcntl"}

// measure runs every scenario once for each thread, traced, without a fault. A
// grid is worth nothing unless all is well there.
func measure() (*base, error) {
	b := &base{calls: map[site]int{}, turns: map[string]uint64{}}
	for _, f := range []fault{
		{Scenario: scenarioMain, Thread: threadLoop}, {Scenario: scenarioMain, Thread: threadCaller},
		{Scenario: scenarioMain, Thread: threadPoster}, {Scenario: scenarioBulk, Thread: threadLoop},
	} {
		tr, err := try(f, "")
		if err != nil {
			return nil, err
		}
		if wrong := judge(f, tr, 0); len(wrong) > 0 {
			return nil, fmt.Errorf("without a fault, %s scenario: %s", f.Scenario, strings.Join(wrong, "; "))
		}
		b.turns[f.Scenario] = max(b.turns[f.Scenario], tr.outcome.Turns)
		for _, line := range tr.traced {
			if name, _, ok := strings.Cut(line, "("); ok && (f.Scenario == scenarioMain || slices.Contains(bulkCalls, name)) {
				b.calls[site{f.Scenario, f.Thread, name}]++
			}
		}
	}
	return b, nil
}

// all are the errnos of the manual, and the refusals.
func (c call) all() []string {
	all := slices.Clone(c.errnos)
	for _, e := range refusals {
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return all
}

// A row is what came of one errno at one site.
type row struct {
	site
	errno    string
	lasting  bool
	base     int // calls without a fault
	reached  int // the largest index that was hit
	cases    int // runs
	hits     int // faults injected
	gos      int // faults that hit Go's own runtime
	missed   int // runs whose call was not made again at that index
	failures []failure
	err      error
}

type failure struct {
	fault
	line  string // the call that was hit
	wrong []string
}

// rows are the grid that is asked for, the longest first.
func (o *options) rows(b *base) (all []*row) {
	for s, n := range b.calls {
		if o.skips(o.calls, s.Call) || o.skips(o.threads, s.Thread) || o.skips(o.scenarios, s.Scenario) {
			continue
		}
		for _, c := range table {
			if c.name != s.Call {
				continue
			}
			for _, e := range c.all() {
				if !o.skips(o.errnos, e) && o.lasting != onlyLasting {
					all = append(all, &row{site: s, errno: e, base: n})
				}
			}
			for _, e := range refusals {
				if !o.skips(o.errnos, e) && o.lasting != neverLasting && !slices.Contains(neverRefused, c.name) {
					all = append(all, &row{site: s, errno: e, base: n, lasting: true})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *row) int {
		return cmp.Or(before(b.fault(1)).slowness()-before(a.fault(1)).slowness(), b.base-a.base, strings.Compare(a.Call, b.Call), strings.Compare(a.Thread, b.Thread),
			strings.Compare(a.Scenario, b.Scenario), strings.Compare(a.errno, b.errno))
	})
	return all
}

// run goes over all rows, several at a time.
func (o *options) run(rows []*row, b *base, note func(*row)) {
	work := make(chan *row)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range o.parallel {
		workers.Go(func() {
			for r := range work {
				o.sweep(r, b.turns[r.Scenario])
				mu.Lock()
				note(r)
				mu.Unlock()
			}
		})
	}
	for _, r := range rows {
		work <- r
	}
	close(work)
	workers.Wait()
}

// fault is the row's fault at one index.
func (r *row) fault(index int) fault {
	return fault{r.Scenario, r.Thread, r.Call, r.errno, index, r.lasting}
}

// indexes are those that the row is tried at. A fault that lasts is tried from the
// first call on, which is how a sandbox begins, and from the middle on.
func (o *options) indexes(r *row) (all []int) {
	last := 4*r.base + 16 // a bound, should a fault bring calls without end
	switch {
	case o.index > 0:
		return []int{o.index}
	case r.lasting && r.base < 2:
		return []int{1}
	case r.lasting:
		all = []int{1, r.base/2 + 1}
	default:
		for i := range last {
			all = append(all, i+1)
		}
	}
	if o.max > 0 {
		all = slices.DeleteFunc(all, func(i int) bool { return i > o.max })
	}
	return all
}

// sweep goes over the indexes of a row until the count of the call is exceeded.
// Counts differ a little from run to run, so that a miss below the count of the
// base run says nothing, and is tried once more.
func (o *options) sweep(r *row, turns uint64) {
	for _, i := range o.indexes(r) {
		f := r.fault(i)
		tr, err := r.try(f, turns)
		if err == nil && tr.hit == "" && i <= r.base {
			tr, err = r.try(f, turns)
		}
		switch {
		case err != nil:
			r.err = fmt.Errorf("%v: %w", f, err)
			return
		case tr.hit == "" && i > r.base:
			return
		case tr.hit == "":
			r.missed++
		case tr.gos:
			r.gos++
		default:
			r.hits++
			r.reached = i
		}
	}
}

// try makes one trial, and judges it, unless Go's own runtime had the fault, which
// dies of some.
func (r *row) try(f fault, turns uint64) (*trial, error) {
	tr, err := try(f, "")
	if err != nil {
		return nil, err
	}
	r.cases++
	if tr.gos {
		return tr, nil
	}
	if wrong := judge(f, tr, turns); len(wrong) > 0 {
		r.failures = append(r.failures, failure{f, tr.hit, wrong})
	}
	return tr, nil
}
