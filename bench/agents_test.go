package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

func TestAgentsGenerateTheLoadOfACommand(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		_, err := c.CopyTo(c)
		return err
	})}
	target := "tcp://" + testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String()
	meeting := strings.TrimPrefix(place(t), "tcp://")
	var said bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run([]string{"agent", "--nats", "nats://" + meeting, "--name", "b", "--token", "s3cret", "--once"}, &said, &said)
	}()
	c := call(t, "rr", target, "-c", "2", "-r", "100", "-d", "300ms", "--warmup", "0s", "--agents", "b", "--agents-listen", meeting, "--agents-token", "s3cret")
	if code := <-ended; code != 0 {
		t.Fatalf("the agent's code is %d: %s", code, &said)
	}
	if c.result == nil || len(c.result.Agents) != 1 || c.result.Agents[0].Name != "b" || c.result.Agents[0].Completed != c.result.Completed || c.result.Completed == 0 {
		t.Fatalf("%s%s%+v", c.out, c.complaints, c.result)
	}
	if slices.ContainsFunc(c.result.Args, func(a string) bool { return strings.Contains(a, "s3cret") }) {
		t.Errorf("the token is in the result: %q", c.result.Args)
	}
}

func TestWhatIsSecretIsNotSaved(t *testing.T) {
	got := public([]string{"rr", "--agents-token", "x", "--agents-token=x", "--nats", "nats://u:p@h:4222,nats://t@i", "--nats=tls://p@h", "tcp://a@b"})
	want := []string{"rr", "--nats", "nats://h:4222,nats://i", "--nats=tls://h", "tcp://a@b"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestAgentFlagsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"rr", "tcp://127.0.0.1:9", "-c", "2", "--agents", "3"}, "--agents 3: must be at most the number of connections, 2"},
		{[]string{"rr", "tcp://127.0.0.1:9", "--agents", "a,b.c"}, `agent "b.c": a name is`},
		{[]string{"rr", "tcp://127.0.0.1:9", "--agents", "a,a"}, "a name is there twice"},
		{[]string{"agent", "--name", "a.b"}, `agent "a.b": a name is`},
	} {
		var out bytes.Buffer
		if code := run(c.args, &out, &out); code != exitUsage || !strings.Contains(out.String(), c.want) {
			t.Errorf("%q: code %d, %s", c.args, code, &out)
		}
	}
}
