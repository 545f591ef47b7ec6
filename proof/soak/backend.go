package soak

import (
	"net"
	"sync/atomic"
	"time"
)

// A backendRole is the process that the forwarder dials.
type backendRole struct {
	*roleSettings
	open atomic.Int64 // connections whose record has not been told yet
}

// serve lives a connection and tells of it.
func (b *backendRole) serve(conn net.Conn) {
	b.open.Add(1)
	defer b.open.Add(-1)
	b.say(message{Record: b.live(conn.(*net.TCPConn))})
}

// live is the life of one connection, whose header says which.
func (b *backendRole) live(conn *net.TCPConn) *record {
	defer conn.Close()
	rec := &record{Side: backend, Start: time.Now().UnixNano(), Port: conn.RemoteAddr().(*net.TCPAddr).Port}
	defer func() { rec.End = time.Now().UnixNano() }()
	conn.SetKeepAliveConfig(keepAlive)
	conn.SetReadDeadline(time.Now().Add(b.patience))
	k, n, err := readHeader(conn, b.seed)
	if err != nil {
		rec.Received, rec.Read, rec.Err = uint64(n), outcomeOf(err), err.Error()
		conn.SetLinger(0) // an end would pass for the backend's answer
		return rec
	}
	rec.K, rec.Header = k, true
	newTalk(planOf(b.seed, k), rec, conn, b.patience).run()
	return rec
}
