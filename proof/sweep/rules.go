package sweep

import "strings"

// A rule is what may be seen of a fault. The zero rule is the strict one: at most
// one connection is cut, visibly, and nothing waits.
type rule struct {
	unharmed bool // no connection is cut at all
	patient  bool // somebody may have to wait for a timeout: run with short ones
	stalls   bool // a relayed connection, too, may stand still until its peer gives up
	cut      bool // a cut connection may look complete
	dies     bool // the process panics, by design
	many     bool // more than one connection may be cut
	copied   bool // nothing can be spliced
	leaked   int  // descriptors that the injection itself keeps open
	why      string
}

// slowness orders rules by how long their trials take.
func (r rule) slowness() int {
	if r.patient {
		return 1
	}
	return 0
}

// refused is the rule for a call that fails from some index on, in a sandbox: what cannot
// be done without it is cut, visibly; the rest goes on.
func refused(f fault) rule {
	switch f.Call {
	case "epoll_pwait":
		return rule{dies: true, why: "without epoll_wait the loop cannot go on, and panics"}
	case "accept4":
		return rule{many: true, patient: true, stalls: true, why: "nothing is accepted: clients wait in the backlog until their own timeout"}
	case "pipe2", "fcntl":
		return rule{unharmed: true, copied: true, why: "copied"}
	case "ioctl", "getpeername", "getsockopt":
		return rule{unharmed: true, why: "done without"}
	case "splice":
		if f.Index == 1 {
			return rule{unharmed: true, copied: true, why: "copied"}
		}
		return rule{copied: true, why: "copied, but for what is in a pipe at that moment"}
	case "eventfd2":
		return rule{unharmed: f.Thread == threadLoop, why: "the reserve descriptor is done without"}
	}
	return rule{many: true, why: "no connection without it: each is reset, or the start fails"}
}

// before is the rule as far as it follows from the fault alone.
func before(f fault) rule {
	if f.Lasting {
		return refused(f)
	}
	switch {
	case f.Call == "close":
		return rule{patient: true, stalls: true, leaked: 1, why: "the call is not made: the descriptor stays, and the end that close(2) would have sent"}
	case f.Errno == "EINTR" || f.Call == "write":
		return rule{unharmed: true, why: "made again"}
	case f.Call == "epoll_pwait":
		return rule{dies: true, why: "a descriptor of ours was closed by others: the loop cannot go on, and panics"}
	case f.Call == "accept4" && f.Errno == "EAGAIN":
		return rule{patient: true, stalls: true, why: "a false EAGAIN: the next edge comes with the next connection"}
	case f.Errno == "EAGAIN" && (f.Call == "recvfrom" || f.Call == "sendto" || f.Call == "splice"):
		return rule{patient: true, why: "a false EAGAIN: no edge follows; a relay ends by its timeout"}
	case f.Call == "connect" && (f.Errno == "EINPROGRESS" || f.Errno == "EALREADY"):
		return rule{patient: true, why: "a false promise of an event: the dial ends by its timeout"}
	case f.Call == "accept4" || f.Call == "pipe2" || f.Call == "fcntl" || f.Call == "getpeername" || f.Call == "eventfd2":
		return rule{unharmed: true, why: "tried again, or done without"}
	}
	return rule{}
}

// after is the rule once it is known which call was hit.
func after(f fault, line string) rule {
	r := before(f)
	switch {
	case f.Call == "setsockopt" && strings.Contains(line, "SO_LINGER"):
		r.cut, r.why = true, "without SO_LINGER there is no way to say reset to close(2)"
	case f.Call == "epoll_ctl" && strings.Contains(line, "EPOLL_CTL_DEL") && !f.Lasting:
		r.unharmed = true
	case f.Call == "setsockopt" && f.Lasting:
		r.cut, r.why = true, "SO_LINGER is among them"
	}
	return r
}
