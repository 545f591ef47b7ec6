// Tcpproxy-relay is a relay of inetaf/tcpproxy, as its documentation writes it: two
// goroutines for each connection, each of which is io.Copy, which splices where it can.
package main

import (
	"flag"
	"log"

	"github.com/inetaf/tcpproxy"
)

func main() {
	listen := flag.String("listen", ":8080", "`address` to listen on")
	to := flag.String("to", "127.0.0.1:80", "`address` to relay to")
	flag.Parse()
	var p tcpproxy.Proxy
	p.AddRoute(*listen, tcpproxy.To(*to))
	log.Fatal(p.Run())
}
