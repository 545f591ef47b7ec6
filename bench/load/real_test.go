package load

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

// site is an HTTP server as others write them: each path ends its responses otherwise.
func site(t *testing.T) http.Handler {
	body := strings.Repeat("0123456789abcdef", 100)
	var served atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, r *http.Request) {
		for at := 0; at < len(body); at += 300 {
			io.WriteString(w, body[at:min(at+300, len(body))])
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 300<<10)) })
	mux.HandleFunc("/close", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, body)
	})
	mux.HandleFunc("/third", func(w http.ResponseWriter, r *http.Request) { // as keepalive_requests does
		if served.Add(1)%3 == 0 {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, body)
	})
	mux.HandleFunc("/interim", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, body)
	})
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) { // HTTP/1.0: the body ends with the connection
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.0 200 OK\r\n\r\n%s", body)
	})
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || string(got) != body || r.Header.Get("X-A") != "b" || r.Host != "elsewhere" {
			t.Errorf("%s %v with %d bytes of body, %v, %v", r.Method, r.URL, len(got), r.Header, err)
		}
		io.WriteString(w, "posted")
	})
	return mux
}

// asking is a plan of requests to an HTTP server.
func asking(t *testing.T, url string, requests ...plan.HTTPRequest) *plan.Plan {
	t.Helper()
	target, err := plan.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	p := short(plan.RR, target)
	p.Protocol, p.Verify = plan.HTTP, false
	for _, r := range requests {
		m, err := r.Message(target.Host())
		if err != nil {
			t.Fatal(err)
		}
		p.Messages = append(p.Messages, m)
	}
	return p
}

// answered runs a load until enough requests were answered, none of which may fail.
func answered(t *testing.T, name string, p *plan.Plan, n uint64) *result.Interval {
	t.Helper()
	sum := until(t, p, name, func(sum *result.Interval) bool { return sum.Completed >= n || sum.Failed() > 0 })
	if sum.Failed() > 0 || sum.Unanswered != 0 || sum.Open != 0 || sum.Service.Count() != int64(sum.Completed) {
		t.Errorf("%s: %d completed, %v, %v, %d unanswered, %d open, %d times", name, sum.Completed, sum.Errors, sum.Details, sum.Unanswered, sum.Open, sum.Service.Count())
	}
	return sum
}

// every is each way of asking a server. Nothing is sent behind a request to a server that
// closes at once (abrupt): its kernel answers that with a reset, and a response that was
// not read yet is lost.
func every(t *testing.T, name string, abrupt bool, ask func() *plan.Plan) {
	for how, change := range map[string]func(p *plan.Plan){
		"closed":   func(p *plan.Plan) {},
		"open":     func(p *plan.Plan) { p.Rate, p.Conns = 500, 3 },
		"pipeline": func(p *plan.Plan) { p.Pipeline = 4 },
		"each one": func(p *plan.Plan) { p.Kind = plan.CRR },
		"churn":    func(p *plan.Plan) { p.Kind = plan.Churn },
	} {
		p := ask()
		if change(p); abrupt && p.Pipeline > 1 {
			continue
		}
		answered(t, name+", "+how, p, 30)
	}
}

// Responses of a server in Go end as it ends them, over TCP and TLS.
func TestGoServersAreUnderstood(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	plain, secure := httptest.NewServer(site(t)), httptest.NewUnstartedServer(site(t))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of the look whether it is there
	secure.StartTLS()
	defer plain.Close()
	defer secure.Close()
	for _, path := range []string{"/length", "/empty", "/chunked", "/large", "/close", "/third", "/interim", "/old"} {
		urls := []string{plain.URL}
		if path == "/length" || path == "/chunked" || path == "/close" {
			urls = append(urls, secure.URL)
		}
		for _, url := range urls {
			every(t, url+path, path == "/old", func() *plan.Plan {
				p := asking(t, url+path, plan.HTTPRequest{Method: "GET", Target: path})
				p.Insecure = true
				return p
			})
		}
	}
	var mixed []plan.HTTPRequest
	for _, path := range []string{"/length", "/chunked", "/third"} {
		mixed = append(mixed, plan.HTTPRequest{Method: "HEAD", Target: path}, plan.HTTPRequest{Method: "GET", Target: path})
	}
	mixed = append(mixed, plan.HTTPRequest{Method: "POST", Target: "/post", Header: []string{"X-A: b", "Host: elsewhere"}, Body: []byte(strings.Repeat("0123456789abcdef", 100))})
	every(t, "all in turn", false, func() *plan.Plan { return asking(t, plain.URL, mixed...) })
}

// A status that is no success is an error of its own, and costs no connection.
func TestAStatusIsAnErrorAndNoEnd(t *testing.T) {
	testkit.Leaks(t)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	for _, kind := range []plan.Kind{plan.RR, plan.CRR} {
		p := asking(t, s.URL, plan.HTTPRequest{Method: "GET", Target: "/"})
		p.Kind = kind
		sum := until(t, p, "errors", func(sum *result.Interval) bool { return sum.Failed() >= 20 })
		if sum.Completed > 0 || len(sum.Errors) != 1 || sum.Unanswered != 0 {
			t.Errorf("%s: %d completed, %v, %d unanswered", kind, sum.Completed, sum.Errors, sum.Unanswered)
		}
		for what := range sum.Errors {
			if !strings.HasSuffix(what, "HTTP status 404") {
				t.Errorf("%s: %q", kind, what)
			}
		}
		if kind == plan.RR && sum.Connects > uint64(p.Conns) {
			t.Errorf("%d connections for %d", sum.Connects, p.Conns)
		}
	}
}

// A server that ends an idle connection has done nothing wrong; one that ends it instead
// of an answer has, and so has one whose certificate is not good.
func TestOnlyAnEndBetweenRequestsIsNoError(t *testing.T) {
	testkit.Leaks(t)
	idle := httptest.NewUnstartedServer(site(t))
	idle.Config.IdleTimeout = 20 * time.Millisecond
	idle.Start()
	defer idle.Close()
	p := asking(t, idle.URL, plan.HTTPRequest{Method: "GET", Target: "/length"})
	p.Conns, p.Rate, p.Arrival = 8, 100, plan.Constant // each connection is idle for 80 ms
	sum := until(t, p, "connections that were replaced", func(sum *result.Interval) bool { return sum.Connects > 20 && sum.Completed > 20 })
	if sum.Failed() > 0 {
		// A request may cross the server's end: that one is lost, and told.
		t.Logf("%v", sum.Errors)
	}
	if n := sum.Failed(); n > sum.Completed/4 {
		t.Errorf("%d errors, %d answers: %v", n, sum.Completed, sum.Errors)
	}

	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer rude.Close()
	sum = until(t, asking(t, rude.URL, plan.HTTPRequest{Method: "GET", Target: "/"}), "errors", func(sum *result.Interval) bool { return sum.Failed() >= 8 })
	if sum.Completed > 0 {
		t.Errorf("%d completed", sum.Completed)
	}

	secure := httptest.NewUnstartedServer(site(t))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	p = asking(t, secure.URL, plan.HTTPRequest{Method: "GET", Target: "/length"})
	p.Defaults()
	if _, err := Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

// A stock nginx ends a connection after keepalive_requests, and each one with keep-alive
// off.
func TestNginxIsUnderstood(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip(err)
	}
	testkit.Leaks(t)
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http { access_log off; keepalive_requests 10; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
server { listen %[2]s; location /on { return 200 "hello"; } location /off { keepalive_timeout 0; return 200 "hello"; } } }`, dir, addr)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-c", filepath.Join(dir, "conf"), "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }()
	testkit.Eventually(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	for _, path := range []string{"/on", "/off"} {
		every(t, "nginx "+path, true, func() *plan.Plan {
			return asking(t, "http://"+addr+path, plan.HTTPRequest{Method: "GET", Target: path})
		})
	}
}

// lines serves a line protocol such as Redis's: a request is a line, and its answer is
// sent in pieces.
func lines(t *testing.T) plan.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewScanner(c); in.Scan(); {
					answer := map[string]string{"PING": "+PONG\r\n", "GET k": "$5\r\nhe\r\no\r\n", "GET none": "$-1\r\n"}[in.Text()]
					if answer == "" {
						answer = "-ERR unknown command\r\n"
					}
					for piece := range slices.Chunk([]byte(answer), 3) {
						c.Write(piece)
					}
				}
			}()
		}
	}()
	return plan.Target{Network: "tcp", Address: l.Addr().String()}
}

// Answers of a line protocol end by length, delimiter or pattern.
func TestLineProtocolsAreUnderstood(t *testing.T) {
	testkit.Leaks(t)
	target := lines(t)
	say := func(words ...string) (all []plan.Message) {
		for _, w := range words {
			all = append(all, plan.Message{Bytes: []byte(w + "\r\n")})
		}
		return all
	}
	const resp = `^(\+.*\r\n|\$-1\r\n|\$5\r\n(?s:.{5})\r\n)`
	for name, c := range map[string]struct {
		messages []plan.Message
		answer   plan.Plan
		want     string // of the errors; empty: there are none
	}{
		"length":            {say("PING"), plan.Plan{Response: 7}, ""},
		"delimiter":         {say("PING"), plan.Plan{Until: "\r\n"}, ""},
		"pattern":           {say("PING", "GET k", "GET none"), plan.Plan{Match: resp}, ""},
		"whole pattern":     {say("PING"), plan.Plan{Until: "\r\n", Match: `^\+PONG\r\n$`}, ""},
		"an error":          {say("NONSENSE"), plan.Plan{Until: "\r\n", Match: `^\+`}, "the answer does not match"},
		"of another length": {say("PING"), plan.Plan{Response: 5}, "bytes that nobody asked for"},
	} {
		for _, kind := range []plan.Kind{plan.RR, plan.CRR} {
			for _, pipeline := range []int{1, 8} {
				p := short(kind, target)
				p.Protocol, p.Messages, p.Pipeline = plan.Raw, c.messages, pipeline
				p.Response, p.Until, p.Match = c.answer.Response, c.answer.Until, c.answer.Match
				if c.want == "" {
					answered(t, name, p, 50)
					continue
				}
				if kind == plan.CRR || pipeline > 1 {
					continue
				}
				sum := until(t, p, name, func(sum *result.Interval) bool { return sum.Failed() >= 8 })
				for what := range sum.Errors {
					if !strings.Contains(what, c.want) {
						t.Errorf("%s: %v", name, sum.Errors)
					}
				}
			}
		}
	}
}
