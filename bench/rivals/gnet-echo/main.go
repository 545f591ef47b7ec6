// Gnet-echo is an echo server of panjf2000/gnet with one event loop, as its
// documentation writes it.
package main

import (
	"flag"
	"log"

	"github.com/panjf2000/gnet/v2"
)

type echo struct{ gnet.BuiltinEventEngine }

func main() {
	listen := flag.String("listen", ":7000", "`address` to listen on")
	edge := flag.Bool("edge", false, "edge-triggered epoll")
	flag.Parse()
	// With SO_REUSEPORT the event loop accepts by itself. Without, a second poller does.
	log.Fatal(gnet.Run(&echo{}, "tcp://"+*listen, gnet.WithNumEventLoop(1), gnet.WithReusePort(true), gnet.WithEdgeTriggeredIO(*edge)))
}

// OnTraffic echoes all that has been read.
func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}
