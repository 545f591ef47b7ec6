package loop_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/penstock/penstock/loop"
)

// An echo server.
func Example() {
	srv := loop.Server{Handler: loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err })}
	addr, err := srv.Listen("tcp", "127.0.0.1:0") // or ListenAndServe, for a known port
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	c, _ := net.Dial("tcp", addr.String())
	fmt.Fprint(c, "hello")
	c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	c.Close()
	stop() // drains
	fmt.Printf("%s, %v\n", answer, <-served)
	// Output: hello, <nil>
}

// A Session keeps state for each connection. This one counts, and answers at the
// end of the stream.
func ExampleSession() {
	srv := loop.Server{Handler: loop.OnOpen(func(c *loop.Conn) error { return c.Serve(new(counter)) })}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	c, _ := net.Dial("tcp", addr.String())
	c.Write(make([]byte, 100_000))
	c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	c.Close()
	stop()
	fmt.Printf("%s, %v\n", answer, <-served)
	// Output: 100000 bytes, <nil>
}

// A producer writes as long as the connection is not congested, and goes on in Writable.
func ExampleConn_Congested() {
	srv := loop.Server{Handler: loop.OnOpen(func(c *loop.Conn) error { return c.Serve(&numbers{left: 1_000_000}) })}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	c, _ := net.Dial("tcp", addr.String())
	fmt.Fprint(c, "go")
	answer, _ := io.ReadAll(c)
	c.Close()
	stop()
	fmt.Printf("%d bytes, %v\n", len(answer), <-served)
	// Output: 7000000 bytes, <nil>
}

type numbers struct{ left int }

func (s *numbers) produce(c *loop.Conn) error {
	for ; s.left > 0; s.left-- {
		if c.Congested() {
			return nil // Writable goes on
		}
		if _, err := fmt.Fprintf(c, "%06d\n", s.left%1_000_000); err != nil {
			return err
		}
	}
	return io.EOF // what is queued is sent, and the connection closed
}

func (s *numbers) Data(c *loop.Conn) error {
	if _, err := c.CopyTo(io.Discard); err != nil {
		return err
	}
	return s.produce(c)
}

func (s *numbers) Writable(c *loop.Conn) error { return s.produce(c) }
func (s *numbers) Closed(*loop.Conn, error)    {}

type counter struct{ n int64 }

func (s *counter) Data(c *loop.Conn) error {
	n, err := c.CopyTo(io.Discard)
	if s.n += n; err == io.EOF {
		fmt.Fprintf(c, "%d bytes", s.n)
	}
	return err // io.EOF: what is queued is sent, and the connection closed
}

func (s *counter) Writable(*loop.Conn) error { return nil }
func (s *counter) Closed(*loop.Conn, error)  {}
