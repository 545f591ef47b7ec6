package soak

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// progress prints a line every few seconds.
func (r *run) progress(ctx context.Context) {
	for sleep(ctx, 5*time.Second) {
		r.mu.Lock()
		fmt.Fprintf(r.out, "%5.1f s: %d connections, %.2f GiB verified; open %d, in flight %.1f MiB, pipes %d\n",
			time.Since(r.began).Seconds(), r.ended, gib(r.checked), r.last.Conns, float64(r.last.InFlight)/(1<<20), r.last.Pipes.Leased)
		r.mu.Unlock()
	}
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }

// report prints what the run came to.
func (r *run) report() {
	o := &r.oracle
	for _, f := range o.failures {
		fmt.Fprintln(r.out, "FAULT:", f)
	}
	for _, k := range o.deadlocked {
		fmt.Fprintln(r.out, "excused, deadlocked by the kernel:", k)
	}
	s := r.final
	if s == nil {
		s = new(state)
	}
	fmt.Fprintf(r.out, "forwarder: %d accepted, %d dialled (%d failed), %.2f GiB spliced, %.2f copied; to splice %d times, to copy %d; urgent marks %d\n",
		s.Accepted, s.Dialed, s.DialErrors, gib(s.BytesSpliced), gib(s.BytesCopied), s.ToSplice, s.ToCopy, s.UrgentMarks)
	fmt.Fprintf(r.out, "forwarder: pipes %d made, %d of them destroyed with bytes inside, %d leases refused, %d pages allowed; resets %d, stranded %.1f MiB, stale events %d\n",
		s.Pipes.Created, s.Pipes.Dirty, s.Pipes.Refused, s.Budget, s.Resets, float64(s.BytesStranded)/(1<<20), s.StaleBatch+s.StaleEarlier)
	fmt.Fprintf(r.out, "connections: %d cut (%d of them by ss -K), %d deadlocked by the kernel, the others ended in order; %d waves, links shaped %d times\n",
		o.resets, o.killed, len(o.deadlocked), r.waves, r.shaped)
	if n := len(r.samples); n > 0 {
		first, last := r.samples[0], r.samples[n-1]
		fmt.Fprintf(r.out, "at rest: descriptors %d at the start, %d at the end; memory %d KiB, %d KiB; goroutines %d, %d\n",
			first.descriptors, last.descriptors, first.memory, last.memory, first.goroutines, last.goroutines)
	}
	fmt.Fprintf(r.out, "soak: %.1f min, %.2f GiB verified, %s connections, %s pipe recycles, %s descriptor reuses, %d link downs, %s sockets killed; %v; %d bytes lost, %d foreign, %d hangs, %d false ends, %d unexplained\n",
		time.Since(r.began).Minutes(), gib(o.verified), thousands(o.connections), thousands(s.recycles()), thousands(s.reuses()),
		r.downs, thousands(uint64(r.killed)), trendOf(r.samples), o.lost, o.foreign, o.hangs, o.falseEnds, o.unexplained)
}

// recycles are leases of a pipe that another transfer had before: each call of splice
// from a socket leases one.
func (s *state) recycles() uint64 { return s.Drains - min(s.Drains, s.Pipes.Created) }

// reuses are registrations of a descriptor whose number another had before: at least
// so many, as all numbers were below Numbers.
func (s *state) reuses() uint64 { return s.Registered - min(s.Registered, uint64(s.Numbers)) }

// thousands writes 1234567 as 1,234,567.
func thousands(n uint64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// verdict is the error of the run: what the oracle found, what stopped it, or what
// has grown.
func (r *run) verdict(err error) error {
	o := &r.oracle
	if err == nil && r.final != nil && r.fault == "" {
		err = r.final.closed()
	}
	if err == nil {
		err = trendOf(r.samples).err()
	}
	if o.bad() {
		err = fmt.Errorf("soak: %d bytes lost, %d foreign, %d hangs, %d false ends, %d unexplained; the first: %s",
			o.lost, o.foreign, o.hangs, o.falseEnds, o.unexplained, o.failures[0])
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return errors.New("soak: interrupted")
	}
	return fmt.Errorf("%w\nagain: %s", err, r.again())
}
