// Std-relay is a relay of Go's standard library as its users write it: two
// goroutines for each connection, each of which is io.Copy, which splices where it
// can, and then passes the end on.
package main

import (
	"flag"
	"io"
	"log"
	"net"
	"sync"
)

func main() {
	listen := flag.String("listen", ":8080", "`address` to listen on")
	to := flag.String("to", "127.0.0.1:80", "`address` to relay to")
	flag.Parse()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go relay(c.(*net.TCPConn), *to)
	}
}

func relay(c *net.TCPConn, to string) {
	defer c.Close()
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer up.Close()
	var both sync.WaitGroup
	both.Go(func() { pass(up.(*net.TCPConn), c) })
	pass(c, up.(*net.TCPConn))
	both.Wait()
}

func pass(to, from *net.TCPConn) {
	io.Copy(to, from)
	to.CloseWrite()
}
