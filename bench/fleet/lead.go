package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// prepare sends every member its share of the plan, and waits until all are
// connected. Before the load has begun one that fails is an error.
func (r *run) prepare(ctx context.Context) error {
	r.phase = connecting
	for i, m := range r.members {
		m.plan = r.plan.Share(i, len(r.members))
		r.order(m, order{Do: doPrepare, Plan: &m.plan})
	}
	var lost []string
	err := r.await(ctx, func() bool {
		all := true
		for _, m := range r.members {
			all = all && m.ready
			if m.lost != "" {
				lost = append(lost, fmt.Sprintf("agent %s: %s", m.name, m.lost))
			}
		}
		return all || lost != nil
	})
	if lost != nil {
		return errors.New(strings.Join(lost, "; "))
	}
	return err
}

// lead has all begin, and merges what they tell until ctx ends or one is lost.
func (r *run) lead(ctx context.Context) {
	r.phase = running
	now := time.Now()
	for _, m := range r.members {
		m.told = now
	}
	r.orderAll(doGo)
	r.conn.Flush()
	err := r.await(ctx, func() bool {
		r.merge(ctx)
		return r.lost() > 0
	})
	if err == nil || errors.Is(err, ctx.Err()) {
		err = r.stop()
	}
	if errors.Is(err, errLost) {
		for _, m := range r.members {
			r.lose(m, errLost.Error())
		}
	}
	r.rest()
}

// stop ends the load, and waits for everybody's last window: for what is under way
// agents wait as long as the plan says.
func (r *run) stop() error {
	r.phase = stopping
	r.orderAll(doStop)
	patience := r.plan.Timeout + silence
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	left := func() (left []*member) {
		for _, m := range r.members {
			if !m.ended && m.lost == "" {
				left = append(left, m)
			}
		}
		return left
	}
	err := r.await(ctx, func() bool { return len(left()) == 0 })
	if errors.Is(err, context.DeadlineExceeded) {
		for _, m := range left() {
			r.lose(m, fmt.Sprintf("did not end within %v", patience))
		}
	}
	return err
}

// lost is how many members were.
func (r *run) lost() (n int) {
	for _, m := range r.members {
		if m.lost != "" {
			n++
		}
	}
	return n
}

// lose gives a member up.
func (r *run) lose(m *member, why string) {
	if m.lost == "" && !m.ended {
		m.lost = why
		if r.phase >= running { // before, it is an error, which is told at the end
			r.say("%s: %s", m.name, why)
		}
	}
}
