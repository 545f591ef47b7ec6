package serve_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
)

// start runs a server until the test ends, and answers a connection to it.
func start(t *testing.T, kind serve.Kind, at plan.Target) (*serve.Server, net.Conn) {
	t.Helper()
	s, err := serve.Start(kind, at, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if c := s.Counters(); c.Conns != 0 || c.InFlight != 0 || c.Registered != c.Unregistered {
			t.Errorf("not given back: %+v", c)
		}
	})
	c, err := net.Dial(s.Addr().Network, s.Addr().Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, c
}

func halfClose(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func TestEchoAnswersWhatItIsSentWherever(t *testing.T) {
	for _, at := range []plan.Target{
		{},
		{Network: "unix", Address: fmt.Sprint("@penstock-bench-serve-test-", os.Getpid())},
		{Network: "unix", Address: filepath.Join(t.TempDir(), "s")},
	} {
		t.Run(at.Network, func(t *testing.T) {
			testkit.Leaks(t)
			_, c := start(t, serve.Echo, at)
			out := content.Stream{K: 1}
			sent := make(chan error, 1)
			go func() {
				err := out.Send(c, 1<<20, func() int { return 10_000 })
				halfClose(t, c)
				sent <- err
			}()
			in := content.Stream{K: 1}
			if err := in.Receive(c); err != nil || in.Pos != 1<<20 {
				t.Fatalf("%d bytes, %v", in.Pos, err)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A sink takes what any client sends, and its end; a hello need not come, nor end.
func TestSinkTakesAnything(t *testing.T) {
	for _, kind := range []serve.Kind{serve.Sink, serve.LightSink} {
		for _, what := range []string{"", "ps", "pstream", "pstreak, and more", strings.Repeat("x", 1<<20)} {
			t.Run(fmt.Sprintf("%s/%.10s", kind, what), func(t *testing.T) {
				testkit.Leaks(t)
				s, c := start(t, kind, plan.Target{})
				if _, err := io.WriteString(c, what); err != nil {
					t.Fatal(err)
				}
				halfClose(t, c)
				if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
					t.Fatalf("%q, %v", b, err)
				}
				testkit.Eventually(t, "the connection is closed", func() bool { return s.Counters().Conns == 0 })
			})
		}
	}
}

func TestLightSourceSendsAtOnceAndUntilItsClientEnds(t *testing.T) {
	for _, at := range []plan.Target{{}, {Network: "unix", Address: fmt.Sprint("@penstock-bench-serve-test-", os.Getpid())}} {
		t.Run(at.Network, func(t *testing.T) {
			testkit.Leaks(t)
			_, c := start(t, serve.LightSource, at)
			if _, err := io.CopyN(io.Discard, c, 20<<20); err != nil {
				t.Fatal(err)
			}
			halfClose(t, c)
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestHTTPAnswersEverySize(t *testing.T) {
	testkit.Leaks(t)
	s, _ := start(t, serve.HTTP, plan.Target{})
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for _, size := range []int{0, 1, 64, 16 << 10, 16<<10 + 1, 1 << 20, 20_000_000} {
		r, err := client.Get(fmt.Sprintf("http://%s/%d", s.Addr().Address, size))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || len(body) != size || r.ContentLength != int64(size) || r.StatusCode != 200 {
			t.Fatalf("/%d: %s, %d bytes, length %d, %v", size, r.Status, len(body), r.ContentLength, err)
		}
	}
	if n := s.Counters().Accepted; n > 2 {
		t.Errorf("%d connections: it does not keep them alive", n)
	}
}

// Requests that come in one piece, or in pieces of a few bytes, are answered in order.
func TestHTTPAnswersPipelinedRequestsHoweverTheyComeApart(t *testing.T) {
	sizes := []int{5, 0, 100_000, 7, 16 << 10, 300_000, 1}
	var requests bytes.Buffer
	for range 20 {
		for _, n := range sizes {
			fmt.Fprintf(&requests, "GET /%d HTTP/1.1\r\nHost: test\r\nX-Pad: %s\r\n\r\n", n, strings.Repeat("x", n%50))
		}
	}
	for _, piece := range []int{3, 100, 1 << 20} {
		t.Run(fmt.Sprint(piece), func(t *testing.T) {
			testkit.Leaks(t)
			_, c := start(t, serve.HTTP, plan.Target{})
			go func() {
				for b := requests.Bytes(); len(b) > 0; {
					n, err := c.Write(b[:min(piece, len(b))])
					if err != nil {
						t.Error(err)
						return
					}
					b = b[n:]
				}
				halfClose(t, c)
			}()
			in := bufio.NewReader(c)
			for i := range 20 * len(sizes) {
				r, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(i, err)
				}
				n, err := io.Copy(io.Discard, r.Body)
				if err != nil || int(n) != sizes[i%len(sizes)] {
					t.Fatalf("answer %d has %d bytes, want %d; %v", i, n, sizes[i%len(sizes)], err)
				}
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("after the last answer: %v", err)
			}
		})
	}
}

func TestHTTPRefusesInOrder(t *testing.T) {
	for _, c := range []struct {
		request, status string
		closes          bool
	}{
		{"GET / HTTP/1.1\r\n\r\n", "404", false},
		{"GET /-1 HTTP/1.1\r\n\r\n", "404", false},
		{"GET /99999999999999999999999 HTTP/1.1\r\n\r\n", "404", false},
		{"GET /5 HTTP/1.0\r\n\r\n", "200", true},
		{"GET /5 HTTP/1.1\r\nConnection: close\r\n\r\n", "200", true},
		{"POST /5 HTTP/1.1\r\n\r\n", "400", true},
		{"hello\r\n\r\n", "400", true},
		{strings.Repeat("x", 40_000), "431", true},
	} {
		t.Run(fmt.Sprintf("%.20q", c.request), func(t *testing.T) {
			testkit.Leaks(t)
			_, conn := start(t, serve.HTTP, plan.Target{})
			io.WriteString(conn, c.request)
			in := bufio.NewReader(conn)
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, r.Body)
			if !strings.HasPrefix(r.Status, c.status) || r.Close != c.closes {
				t.Errorf("%s, closes: %v", r.Status, r.Close)
			}
			if !c.closes {
				halfClose(t, conn)
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

func TestHTTPRequestsDoNotAllocate(t *testing.T) {
	testkit.Leaks(t)
	_, c := start(t, serve.HTTP, plan.Target{})
	request, answer := []byte("GET /64 HTTP/1.1\r\nHost: test\r\n\r\n"), make([]byte, 4096)
	got := testing.AllocsPerRun(500, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("%v allocations for a request", got)
	}
}

func TestAnAddressInUseAndAnUnknownKindAreErrors(t *testing.T) {
	testkit.Leaks(t)
	s, _ := start(t, serve.Echo, plan.Target{})
	if _, err := serve.Start(serve.Echo, s.Addr(), 1); err == nil {
		t.Error("two servers have one address")
	}
	if _, err := serve.Start("tea", plan.Target{}, 1); err == nil {
		t.Error("it serves tea")
	}
}
