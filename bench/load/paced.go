package load

// paced does n things, limit at a time, and tells ready when all are done, or of the
// first that could not be, after which it begins no more. do calls done once, at once
// or later.
func paced(n, limit int, do func(k int, done func(error)), ready func(error)) {
	p := &pace{n: n, limit: limit, do: do, ready: ready}
	p.more()
}

type pace struct {
	n, limit  int
	next, out int // begun, and of them not done
	do        func(k int, done func(error))
	ready     func(error)
	beginning bool // done is called from within do: the loop in more goes on
	over      bool
}

func (p *pace) more() {
	if p.beginning || p.over {
		return
	}
	p.beginning = true
	for p.next < p.n && p.out < p.limit && !p.over {
		p.next, p.out = p.next+1, p.out+1
		p.do(p.next-1, p.done)
	}
	p.beginning = false
	if p.out == 0 && !p.over {
		p.over = true
		p.ready(nil)
	}
}

func (p *pace) done(err error) {
	p.out--
	if err != nil && !p.over {
		p.over = true
		p.ready(err)
	}
	p.more()
}
