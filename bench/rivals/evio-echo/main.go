// Evio-echo is an echo server of tidwall/evio with one loop, as its documentation
// writes it.
package main

import (
	"flag"
	"log"

	"github.com/tidwall/evio"
)

func main() {
	listen := flag.String("listen", ":7000", "`address` to listen on")
	flag.Parse()
	log.Fatal(evio.Serve(evio.Events{
		NumLoops: 1,
		Opened: func(evio.Conn) (out []byte, o evio.Options, action evio.Action) {
			return nil, evio.Options{ReuseInputBuffer: true}, evio.None
		},
		Data: func(_ evio.Conn, in []byte) (out []byte, action evio.Action) { return in, evio.None },
	}, "tcp://"+*listen))
}
