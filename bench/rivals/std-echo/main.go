// Std-echo is an echo server of Go's standard library as its users write it: a
// goroutine for each connection, which reads into a buffer and writes it back.
package main

import (
	"flag"
	"log"
	"net"
)

func main() {
	listen := flag.String("listen", ":7000", "`address` to listen on")
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
		go serve(c)
	}
}

func serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
