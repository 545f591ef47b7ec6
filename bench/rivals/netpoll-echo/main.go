// Netpoll-echo is an echo server of cloudwego/netpoll, as its documentation writes it.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/cloudwego/netpoll"
)

func main() {
	listen := flag.String("listen", ":7000", "`address` to listen on")
	flag.Parse()
	ln, err := netpoll.CreateListener("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	serve, err := netpoll.NewEventLoop(echo)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(serve.Serve(ln))
}

func echo(_ context.Context, c netpoll.Connection) error {
	r, w := c.Reader(), c.Writer()
	defer r.Release()
	b, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if _, err := w.WriteBinary(b); err != nil {
		return err
	}
	return w.Flush()
}
