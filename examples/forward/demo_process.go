package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
)

// What a process of the demonstration forwards with.
const (
	throughPenstock = "Penstock"
	throughCopy     = "io.Copy"
)

// With demoThrough in its environment the program is a process of the demonstration:
// it forwards to demoTo, says its address in a line, answers each line of its standard
// input with its figures, and ends with its standard input.
const (
	demoThrough = "PENSTOCK_DEMO_THROUGH"
	demoTo      = "PENSTOCK_DEMO_TO"
	askCPU      = "cpu"
	askAll      = "all" // collects garbage first
)

// figures is what a process of the demonstration says of itself.
type figures struct {
	CPU         time.Duration // user and system, of the whole process
	Descriptors int           `json:",omitempty"`
	Goroutines  int           `json:",omitempty"`
	Memory      int64         `json:",omitempty"` // bytes of Go's heap and stacks
}

func (f figures) minus(g figures) figures {
	return figures{f.CPU - g.CPU, f.Descriptors - g.Descriptors, f.Goroutines - g.Goroutines, f.Memory - g.Memory}
}

// A process is one that forwards, seen from the demonstration.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
	addr    string
}

func startProcess(through, to string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(exe)}
	p.cmd.Env = append(os.Environ(), demoThrough+"="+through, demoTo+"="+to)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.answers = bufio.NewReader(out)
	line, err := p.answers.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the process of %s did not say its address: %w", through, err), p.end())
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

func (p *process) ask(what string) (f figures, err error) {
	if _, err := fmt.Fprintln(p.in, what); err != nil {
		return f, err
	}
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(line, &f)
}

func (p *process) end() error {
	p.in.Close()
	return p.cmd.Wait()
}

// serveDemo is the whole program in a process of the demonstration.
func serveDemo(through string) int {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		answerFigures(os.Stdin, os.Stdout)
	}()
	serve := servePenstock
	if through == throughCopy {
		serve = serveCopy
	}
	if err := serve(ctx, os.Getenv(demoTo)); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", through, err)
		return cli.Failure
	}
	return cli.Drained
}

func answerFigures(in io.Reader, out io.Writer) {
	for asked := bufio.NewScanner(in); asked.Scan(); {
		var f figures
		if asked.Text() == askAll {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			files, _ := os.ReadDir("/proc/self/fd")
			f = figures{Descriptors: len(files), Goroutines: runtime.NumGoroutine(), Memory: int64(m.HeapInuse + m.StackInuse)}
		}
		var used syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &used)
		f.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
		json.NewEncoder(out).Encode(f)
	}
}

// servePenstock forwards as the program does without -demo.
func servePenstock(ctx context.Context, to string) error {
	f := &forwarder{to: cli.Addr{Network: "tcp", Address: to}, outage: newOutage("")}
	srv := &loop.Server{Handler: loop.OnOpen(f.open)}
	bound, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(bound)
	if err := srv.Serve(ctx); err != nil {
		return err
	}
	if left := srv.Group().Counters().Conns; left != 0 {
		return fmt.Errorf("%d connections were not given back", left)
	}
	return nil
}

// serveCopy forwards as it is mostly written in Go: a goroutine for each direction, and
// io.Copy, which calls splice between two TCP connections.
func serveCopy(ctx context.Context, to string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { ln.Close() })
	fmt.Println(ln.Addr())
	for {
		c, err := ln.Accept()
		if err != nil {
			return nil // closed
		}
		go func() {
			defer c.Close()
			up, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer up.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				copyHalf(up, c)
			}()
			copyHalf(c, up)
			<-done
		}()
	}
}

func copyHalf(to, from net.Conn) {
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
}
