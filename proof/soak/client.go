package soak

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A clientRole is the process that begins the connections, in waves.
type clientRole struct {
	*roleSettings
	next atomic.Uint64
}

// wave opens connections for a time, so many at once, and waits for their ends.
func (c *clientRole) wave(first uint64, lasts time.Duration, atOnce int) {
	c.next.Store(first)
	until := time.Now().Add(lasts)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for time.Now().Before(until) {
				c.say(message{Record: c.live(c.next.Add(1) - 1)})
			}
		})
	}
	all.Wait()
	c.say(message{Wave: &waveEnd{Next: c.next.Load()}})
}

// live is the life of connection k.
func (c *clientRole) live(k uint64) *record {
	p := planOf(c.seed, k)
	rec := &record{K: k, Side: client, Start: time.Now().UnixNano()}
	defer func() { rec.End = time.Now().UnixNano() }()
	conn, err := c.dial(rec, p.service)
	if err != nil {
		rec.Read, rec.Err = outcomeOf(err), err.Error()
		return rec
	}
	defer conn.Close()
	t := newTalk(p, rec, conn, c.patience)
	if p.service != echo && !p.mute {
		if _, err := conn.Write(header(c.seed, k)); err != nil {
			rec.Write, rec.Err = outcomeOf(err), err.Error()
			return rec
		}
		rec.Header = true
	}
	t.run()
	return rec
}

// dial connects, again and again while a link is down. In a namespace it chooses the
// port itself: the oracle must know it also of a connection that was destroyed before
// connect(2) returned, and kills, which strike ranges, are to strike at random.
func (c *clientRole) dial(rec *record, s service) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, Control: reuseAddress}
	for deadline := time.Now().Add(c.patience); ; time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) {
		if c.host == clientAt {
			rec.Port = firstPort + rand.IntN(65536-firstPort)
			d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(c.host), Port: rec.Port}
		}
		conn, err := d.Dial("tcp", c.to[s])
		if err == nil {
			rec.Port = conn.LocalAddr().(*net.TCPAddr).Port
			return conn.(*net.TCPConn), nil
		}
		if !isPassing(err) || time.Now().After(deadline) {
			return nil, err
		}
	}
}
