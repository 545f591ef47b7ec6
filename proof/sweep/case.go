package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A fault is one errno at one index of one call on one thread of the target.
type fault struct {
	Scenario string // main or bulk
	Thread   string // loop, caller or poster
	Call     string
	Errno    string // none: only count the calls
	Index    int
	Lasting  bool // from that index on each call fails, as in a sandbox
}

func (f fault) String() string {
	s := fmt.Sprintf("go run ./proof sweep -call %s -errno %s -index %d -thread %s", f.Call, f.Errno, f.Index, f.Thread)
	if f.Scenario != scenarioMain {
		s += " -scenario " + f.Scenario
	}
	if f.Lasting {
		s += " -lasting"
	}
	return s
}

const (
	scenarioMain = "main"
	scenarioBulk = "bulk"

	threadLoop   = "loop"
	threadCaller = "caller"
	threadPoster = "poster"

	// goWake is, in what a target says of its threads, the eventfd that Go's own
	// runtime writes to, on any of them.
	goWake = "gowake"
)

// A trial is what was seen of one run of the target.
type trial struct {
	scripts []*script
	outcome *outcome // nil: the target did not come to tell
	port0   bool     // Listen answered no port
	ended   bool     // in time
	exit    int
	stderr  string
	cpu     time.Duration
	traced  []string
	hit     string // the traced line of the call that failed
	gos     bool   // it was one of Go's own runtime
}

// patience is how long a peer waits in a patient trial: longer than idleTimeout.
const patience = 3 * idleTimeout

// smallBuffer is so small that a slow reader is felt, and queues come to be.
const smallBuffer = 32 << 10

// try runs the target once. An error is the harness's, and says nothing of the target.
func try(f fault, planted string) (*trial, error) {
	dir, err := os.MkdirTemp("", "sweep")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := before(f)
	tr := &trial{scripts: scripts()}
	p := plan{Routes: map[byte]route{}, Patient: r.patient, Planted: planted, Buffer: smallBuffer}
	if f.Scenario == scenarioBulk {
		tr.scripts, p.Buffer = bulk(), 0
	}
	for _, s := range tr.scripts {
		if p.Routes[s.route], err = s.prepare(); err != nil {
			return nil, err
		}
		if s.listener != nil {
			defer s.listener.Close()
		}
	}
	t, err := startTarget(p)
	if err != nil {
		return nil, err
	}
	err = tr.drive(t, f, dir, r)
	tr.ended = t.wait() && !errors.Is(err, errNoAnswer)
	tr.exit = t.cmd.ProcessState.ExitCode()
	tr.cpu = t.cmd.ProcessState.UserTime() + t.cmd.ProcessState.SystemTime()
	tr.stderr = t.stderr.String()
	tr.traced = t.traced()
	for _, line := range tr.traced {
		if strings.Contains(line, "(INJECTED)") {
			// A thread that a loop has left may be given what the target says at last.
			tr.hit, tr.gos = line, strings.HasPrefix(line, "write("+t.goWake+",") || strings.HasPrefix(line, "write(1,")
		}
	}
	if err != nil && tr.ended && tr.outcome == nil && tr.exit == 0 && !tr.gos {
		return nil, err
	}
	return tr, nil
}

// drive leads the target through its life. It stops early if the target ends.
func (tr *trial) drive(t *process, f fault, dir string, r rule) error {
	defer t.stop()
	threads, err := t.line()
	if err != nil {
		return err
	}
	tids := map[string]string{}
	for i := 0; i+1 < len(threads); i += 2 {
		tids[threads[i]] = threads[i+1]
	}
	t.goWake = tids[goWake]
	if tid := tids[f.Thread]; tid != "" {
		if err := t.attach(tid, dir, f); err != nil {
			return err
		}
	}
	t.goOn()
	words, err := t.line()
	if err != nil || len(words) == 2 {
		return tr.conclude(words, err)
	}
	if f.Thread == threadLoop {
		if err := t.attach(words[4], dir, f); err != nil {
			return err
		}
	}
	t.goOn()
	relays, _ := strconv.Atoi(words[1])
	others, _ := strconv.Atoi(words[2])
	if tr.port0 = relays == 0 || others == 0; !tr.port0 {
		tr.load(relays, others, r)
	}
	t.stop()
	for _, s := range tr.scripts {
		if !tr.port0 {
			s.wait()
		}
	}
	return tr.conclude(t.line())
}

// load runs the scripts; those that are held go on when it returns.
func (tr *trial) load(relays, others int, r rule) {
	limit := bound
	if r.patient {
		limit = patience
	}
	for i, s := range tr.scripts {
		port := relays
		if s.mode == "echo" || s.mode == "push" {
			port = others
		}
		if s.held { // while those behind it have their patience
			s.start(port, time.Duration(len(tr.scripts)-i)*limit)
			s.begun()
		} else {
			s.start(port, limit)
			s.wait()
		}
	}
}

// conclude takes the last line of the target.
func (tr *trial) conclude(words []string, err error) error {
	if err != nil {
		return err
	}
	tr.outcome = new(outcome)
	return json.Unmarshal([]byte(words[1]), tr.outcome)
}
