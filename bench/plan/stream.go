package plan

// maxBuffers bounds what the writes of all streams take of memory.
const maxBuffers = 1 << 30

// checkStream says what no stream can be.
func (p *Plan) checkStream() error {
	switch size := p.Request.Max(); {
	case p.Rate > 0:
		return invalid("r", p.Rate, "a stream has no rate: it goes as fast as the target takes it")
	case len(p.Request) > 1:
		return invalid("size", p.Request, "all writes of a stream have one size")
	case p.Verify && p.Light:
		return invalid("light", p.Light, "who touches no byte cannot verify one: --no-verify")
	case size*p.Conns > maxBuffers:
		return invalid("size", p.Request, "with -c %d the streams hold %v: 1GiB is the most", p.Conns, Bytes(size*p.Conns))
	}
	return nil
}
