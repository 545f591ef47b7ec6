package loop_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/pool"
)

// gate is a resolver whose look-ups wait until it is opened, or cancelled.
func gate(opened <-chan struct{}, ips ...string) *fakeResolver {
	r := always(ips...)
	look := r.hosts
	r.hosts = func(ctx context.Context, host string) ([]netip.Addr, error) {
		select {
		case <-opened:
			return look(ctx, host)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r
}

// Many dials of one name share a look-up, and hold one worker; those that come within a
// moment after it share its answer.
func TestDialsOfANameShareALookUp(t *testing.T) {
	testkit.Leaks(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	l := start(t, loop.Config{Workers: 1})
	opened := make(chan struct{})
	d := &loop.Dialer{Resolver: gate(opened, "127.0.0.1")}
	resolver := d.Resolver.(*fakeResolver)
	var outcomes []<-chan any
	for range 400 {
		outcomes = append(outcomes, dialFrom(t, l, d, "tcp", "backend:"+port))
	}
	testkit.Eventually(t, "the look-up has begun", func() bool { return resolver.asked.Load() > 0 })
	time.Sleep(50 * time.Millisecond)
	close(opened)
	for _, out := range outcomes {
		if to := <-out; to != ln.Addr().String() {
			t.Fatal(to)
		}
	}
	if n := resolver.asked.Load(); n != 1 {
		t.Errorf("%d look-ups", n)
	}
	if to := <-dialFrom(t, l, d, "tcp", "backend:"+port); to != ln.Addr().String() || resolver.asked.Load() > 2 {
		t.Errorf("%v, %d look-ups", to, resolver.asked.Load())
	}
	asked := resolver.asked.Load()
	testkit.Eventually(t, "the name is looked up again", func() bool {
		<-dialFrom(t, l, d, "tcp", "backend:"+port)
		return resolver.asked.Load() > asked
	})
}

func TestFailedLookUpsAreNotKept(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{})
	r := &fakeResolver{hosts: func(context.Context, string) ([]netip.Addr, error) { return nil, os.ErrNotExist }}
	for i := range 3 {
		got := <-dialFrom(t, l, &loop.Dialer{Resolver: r}, "tcp", "name:1")
		if err, _ := got.(error); !errors.Is(err, os.ErrNotExist) || r.asked.Load() != int64(i+1) {
			t.Errorf("%v, %d look-ups", got, r.asked.Load())
		}
	}
}

// Each waits within its own time. When the last has gone the look-up is cancelled, and its
// worker is free.
func TestDialsWaitForALookUpWithinTheirOwnTime(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{Workers: 1})
	ended := make(chan error, 1)
	r := &fakeResolver{hosts: func(ctx context.Context, _ string) ([]netip.Addr, error) {
		select {
		case <-ctx.Done():
		case <-t.Context().Done():
		}
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}
	long := dialFrom(t, l, &loop.Dialer{Resolver: r, Timeout: 500 * time.Millisecond}, "tcp", "name:1")
	short := make(chan error, 1)
	l.Post(func() {
		d := &loop.Dialer{Resolver: r, Timeout: 20 * time.Millisecond}
		d.Dial(l, "tcp", "name:1", func(_ *loop.Conn, err error) error {
			if len(ended) > 0 {
				t.Error("the look-up was cancelled while a dial waited for it")
			}
			short <- err
			return err
		})
	})
	if err := <-short; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err, _ := (<-long).(error); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	testkit.Eventually(t, "the look-up is cancelled", func() bool { return len(ended) > 0 })
	testkit.Eventually(t, "the worker is free", func() bool { return l.Group().Do(func() {}) == nil })
}

// The dials that wait for names are bounded.
func TestWaitersForNamesAreBounded(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{Workers: 1})
	opened := make(chan struct{})
	r := gate(opened, "127.0.0.1")
	const most = 16384
	outcomes, refused := make(chan error, most), make(chan error, 1)
	l.Post(func() {
		d := &loop.Dialer{Resolver: r, Timeout: time.Minute, Source: "::1"} // for which there will be no address
		for {
			if err := d.Dial(l, "tcp", "name:1", func(_ *loop.Conn, err error) error { outcomes <- err; return nil }); err != nil {
				refused <- err
				return
			}
		}
	})
	if err := <-refused; !errors.Is(err, pool.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprint(most)) {
		t.Error(err)
	}
	close(opened)
	for range most {
		if err := <-outcomes; err == nil {
			t.Fatal("connected from nowhere")
		}
	}
	if len(outcomes) > 0 {
		t.Error("more outcomes than dials")
	}
}

func TestResolverThatPanicsFailsItsDials(t *testing.T) {
	testkit.Leaks(t)
	l := start(t, loop.Config{Logger: logTo(new(syncBuffer))})
	r := &fakeResolver{hosts: func(context.Context, string) ([]netip.Addr, error) { panic("in the resolver") }}
	got := <-dialFrom(t, l, &loop.Dialer{Resolver: r}, "tcp", "name:1")
	if err, _ := got.(error); !errors.Is(err, loop.ErrPanic) {
		t.Error(got)
	}
}

// A loop that ends fails the dials that wait for a name, and the look-up is cancelled.
func TestDialsThatWaitForANameAreToldOfTheEnd(t *testing.T) {
	testkit.Leaks(t)
	g, err := loop.Start(loop.Config{Loops: 2})
	if err != nil {
		t.Skip(err)
	}
	r := gate(nil)
	var outcomes []<-chan any
	for i := range 10 {
		outcomes = append(outcomes, dialFrom(t, g.Loops()[i%2], &loop.Dialer{Resolver: r, Timeout: time.Hour}, "tcp", "name:1"))
	}
	testkit.Eventually(t, "the look-up has begun", func() bool { return r.asked.Load() > 0 })
	g.Close()
	for _, out := range outcomes {
		if err, _ := (<-out).(error); !errors.Is(err, loop.ErrServerClosed) {
			t.Error(err)
		}
	}
	testkit.GivenBack(t, g)
}

// The name of a service is looked up on a worker, too: it is in a file.
func TestServicesAreLookedUpOffTheLoop(t *testing.T) {
	testkit.Leaks(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	l := start(t, loop.Config{})
	opened := make(chan struct{})
	r := &fakeResolver{ports: func(context.Context, string) (int, error) {
		<-opened
		return ln.Addr().(*net.TCPAddr).Port, nil
	}}
	var outcomes []<-chan any
	for _, address := range []string{"127.0.0.1:service", ":service", "0.0.0.0:service"} {
		outcomes = append(outcomes, dialFrom(t, l, &loop.Dialer{Resolver: r}, "tcp", address))
	}
	turned := make(chan struct{})
	l.Post(func() { close(turned) })
	<-turned // the loop is not held
	close(opened)
	for _, out := range outcomes {
		if to := <-out; to != ln.Addr().String() {
			t.Error(to)
		}
	}
}
