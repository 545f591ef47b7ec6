// Nbio-echo is an echo server of lesismal/nbio with one poller, as its documentation
// writes it.
package main

import (
	"flag"
	"log"

	"github.com/lesismal/nbio"
)

func main() {
	listen := flag.String("listen", ":7000", "`address` to listen on")
	flag.Parse()
	engine := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{*listen}, NPoller: 1})
	engine.OnData(func(c *nbio.Conn, b []byte) {
		c.Write(b) // which copies what the socket does not take
	})
	if err := engine.Start(); err != nil {
		log.Fatal(err)
	}
	select {}
}
