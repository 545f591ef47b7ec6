package splice_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A forwarder.
func Example() {
	backend, _ := net.Listen("tcp", "127.0.0.1:0")
	defer backend.Close()
	options := &splice.Options{IdleTimeout: time.Minute}
	srv := loop.Server{Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", backend.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err // resets c
			}
			return splice.Relay(c, up, options)
		})
	})}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	client, _ := net.Dial("tcp", addr.String())
	server, _ := backend.Accept()
	fmt.Fprint(server, "through the kernel")
	server.Close()
	answer, _ := io.ReadAll(client)
	client.Close()
	stop()
	fmt.Printf("%s, %v\n", answer, <-served)
	// Output: through the kernel, <nil>
}
