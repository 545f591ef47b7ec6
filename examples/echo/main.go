// Echo sends back what it receives, on every connection.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
)

func main() { os.Exit(run()) }

func run() int {
	listen := cli.Addr{Network: "tcp", Address: ":7000"}
	cli.ListenVar(&listen, "listen", "address to listen on: `host:port`, unix:/path or unix:@name (default :7000)")
	loops := flag.Int("loops", 0, "number of event loops; 0 is one for each CPU")
	if code, ok := cli.Parse(); !ok {
		return code
	}
	if code, ok := cli.CheckLoops(*loops); !ok {
		return code
	}
	srv := &loop.Server{
		Handler: loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err }),
		Config:  loop.Config{Loops: *loops},
	}
	bound, err := cli.Listen(srv, listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cli.Failure
	}
	return cli.Serve(cli.Interrupted(), srv, bound)
}
