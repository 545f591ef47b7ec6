package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A message is a line of JSON that a role tells its parent: one of these.
type message struct {
	Ready  []string `json:",omitempty"` // it listens at these addresses
	Record *record  `json:",omitempty"`
	Wave   *waveEnd `json:",omitempty"`
	Open   *int64   `json:",omitempty"` // the backend's connections
	State  *state   `json:",omitempty"`
}

type waveEnd struct{ Next uint64 } // the first connection that was not begun

// roleSettings are what all roles are given.
type roleSettings struct {
	seed     uint64
	host     string
	port     int
	to       []string
	user     int
	patience time.Duration
	fault    string

	mu  sync.Mutex
	out io.Writer // guarded by mu
}

func (r *roleSettings) say(m message) {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a message holds nothing that JSON cannot say
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Write(append(b, '\n'))
}

// place is the address of one of several listeners.
func place(host string, port int, s service) string {
	if port > 0 {
		port += int(s)
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// runRole is the process of a role: it does what standard input says, a command a
// line, until that ends; its parent's death ends it, too.
func runRole(name string, args []string, out io.Writer) error {
	r := &roleSettings{out: out}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.Uint64Var(&r.seed, "seed", 0, "of the run")
	flags.StringVar(&r.host, "host", "127.0.0.1", "address to listen on")
	flags.IntVar(&r.port, "port", 0, "first port to listen on; 0 is any")
	to := flags.String("to", "", "addresses to connect to")
	flags.IntVar(&r.user, "user", 0, "user and group to become; 0 is none")
	flags.DurationVar(&r.patience, "patience", time.Minute, "how long nothing may move")
	flags.StringVar(&r.fault, "fault", "", "be a forwarder with this fault")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.to = strings.Split(*to, ",")
	switch name {
	case "role-client":
		return r.client()
	case "role-backend":
		return r.backend()
	case "role-forwarder":
		return r.forwarder()
	}
	return fmt.Errorf("soak: no role %q", name)
}

// obey calls f with each line of standard input.
func obey(f func(command string)) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		f(lines.Text())
	}
	return lines.Err()
}

func (r *roleSettings) client() error {
	c := &clientRole{roleSettings: r}
	r.say(message{Ready: []string{}})
	return obey(func(command string) {
		var first uint64
		var ms, atOnce int
		if _, err := fmt.Sscanf(command, "wave %d %d %d", &first, &ms, &atOnce); err == nil {
			go c.wave(first, time.Duration(ms)*time.Millisecond, atOnce)
		}
	})
}

func (r *roleSettings) backend() error {
	b := &backendRole{roleSettings: r}
	ln, err := net.Listen("tcp", place(r.host, r.port, 0))
	if err != nil {
		return err
	}
	go acceptAll(ln, b.serve)
	r.say(message{Ready: []string{ln.Addr().String()}})
	return obey(func(string) {
		open := b.open.Load()
		r.say(message{Open: &open})
	})
}

func (r *roleSettings) forwarder() error {
	if r.user > 0 {
		if err := become(r.user); err != nil {
			return fmt.Errorf("become user %d: %w", r.user, err)
		}
	}
	if r.fault != "" {
		return r.faulty()
	}
	f := newForwarder(r.to[0])
	at, err := f.listen(r.host, r.port)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- f.srv.Serve(ctx) }()
	go f.tick(ctx, r.say)
	r.say(message{Ready: at})
	err = obey(func(command string) {
		if command == "collect" {
			f.collect()
		}
		r.say(message{State: f.state()})
	})
	cancel()
	err = errors.Join(err, <-served)
	r.say(message{State: f.state()})
	return err
}
