// Echo answers every connection with what it sends.
package main

import (
	"flag"
	"os"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
)

func main() { os.Exit(run()) }

func run() int {
	listen := cli.Addr{Network: "tcp", Address: ":7000"}
	flag.Var(&listen, "listen", "address to listen on: `host:port`, unix:/path or unix:@name")
	loops := flag.Int("loops", 0, "number of event loops; 0 is one for each CPU")
	if code, ok := cli.Parse(); !ok {
		return code
	}
	if *loops < 0 {
		return cli.Bad("-loops %d: must be 1 or more, or 0 for one for each CPU", *loops)
	}
	srv := &loop.Server{
		Handler: loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err }),
		Config:  loop.Config{Loops: *loops},
	}
	return cli.Serve(cli.Interrupted(), srv, listen)
}
