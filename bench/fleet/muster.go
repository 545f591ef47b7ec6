package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// muster calls until the crew is complete.
func (r *run) muster(ctx context.Context) error {
	r.say("waiting for %s at %s: %s", r.wanted(), r.url(), r.present())
	r.call()
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	err := r.await(ctx, func() bool { return len(r.members) == r.Crew.N })
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("--agents %v: not complete after %v: %s: start each with penstock-bench agent --nats %s --name NAME", r.Crew, r.Wait, r.present(), r.url())
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("--agents %v: interrupted while waiting: %s", r.Crew, r.present())
	case err != nil:
		return fmt.Errorf("--agents %v: %w: %s", r.Crew, err, r.present())
	}
	// In order of names, so that the same seed gives everybody the same share.
	slices.SortFunc(r.members, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	return nil
}

// call asks who is there.
func (r *run) call() { r.conn.Publish(callSubject, encode(order{Run: r.id, Do: doCall})) }

func (r *run) wanted() string {
	if r.Crew.Names != nil {
		return strings.Join(r.Crew.Names, ", ")
	}
	if r.Crew.N == 1 {
		return "an agent"
	}
	return fmt.Sprintf("%d agents", r.Crew.N)
}

// present says who is there, who is missing, and who was refused.
func (r *run) present() string {
	var there, missing, refused []string
	for _, m := range r.members {
		there = append(there, m.name)
	}
	for _, name := range r.Crew.Names {
		if !slices.Contains(there, name) {
			missing = append(missing, name)
		}
	}
	if n := r.Crew.N - len(there); n > 0 && r.Crew.Names == nil {
		missing = []string{fmt.Sprint(n)}
	}
	for _, why := range r.refused {
		refused = append(refused, why)
	}
	slices.Sort(refused)
	var parts []string
	for _, part := range []struct {
		what string
		who  []string
	}{{"there: ", there}, {"missing: ", missing}, {"refused: ", refused}} {
		if part.who != nil {
			parts = append(parts, part.what+strings.Join(part.who, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// consider takes an agent in that is there, or tells it why not.
func (r *run) consider(p *report) {
	if m := r.member(p.ID); m != nil {
		m.heard = time.Now()
		return
	}
	why := r.objection(p)
	if why == "" {
		r.members = append(r.members, &member{name: p.Agent, id: p.ID, host: p.Host, heard: time.Now()})
		delete(r.refused, p.ID)
		r.say("%s", r.present())
		return
	}
	r.order(&member{id: p.ID}, order{Do: doRefuse, Why: why})
	if _, known := r.refused[p.ID]; !known {
		r.say("%s is refused: %s", p.Agent, why)
	}
	r.refused[p.ID] = fmt.Sprintf("%s (%s)", p.Agent, why)
}

// objection is why an agent cannot take part.
func (r *run) objection(p *report) string {
	if err := CheckName(p.Agent); err != nil {
		return err.Error()
	}
	if why := differs(p); why != "" {
		return why
	}
	if !r.Crew.wants(p.Agent) {
		return fmt.Sprintf("the run is for %s", r.wanted())
	}
	for _, m := range r.members {
		if m.name == p.Agent {
			return fmt.Sprintf("there is another agent of this name, on %s: give this one a --name of its own", m.host)
		}
	}
	if len(r.members) == r.Crew.N {
		return fmt.Sprintf("the run has its %d agents", r.Crew.N)
	}
	return ""
}
