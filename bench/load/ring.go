package load

// A request is one that is under way.
type request struct {
	intended, sent int64 // the loop's clock
	answer         int   // bytes of its response
	message        int   // of the plan: which it is
	head           bool  // its response has no body
}

// requests are those under way on a connection, in order.
type requests struct {
	of      []request
	from, n int
}

func (r *requests) push(q request) {
	r.of[(r.from+r.n)%len(r.of)] = q
	r.n++
}

func (r *requests) first() *request { return r.at(0) }

func (r *requests) at(i int) *request { return &r.of[(r.from+i)%len(r.of)] }

func (r *requests) pop() request {
	q := r.of[r.from]
	r.from = (r.from + 1) % len(r.of)
	r.n--
	return q
}

// A ring is a queue of connections, each in it once at most.
type ring struct {
	of      []*requester
	from, n int
}

func (r *ring) push(q *requester) {
	if r.n == len(r.of) {
		grown := make([]*requester, max(2*len(r.of), 64))
		for i := range r.n {
			grown[i] = r.of[(r.from+i)%len(r.of)]
		}
		r.of, r.from = grown, 0
	}
	r.of[(r.from+r.n)%len(r.of)] = q
	r.n++
}

func (r *ring) pop() *requester {
	if r.n == 0 {
		return nil
	}
	q := r.of[r.from]
	r.of[r.from] = nil
	r.from = (r.from + 1) % len(r.of)
	r.n--
	return q
}
