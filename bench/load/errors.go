package load

import (
	"errors"
	"net"
	"syscall"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// fail counts an error by what was done and what came of it.
func (w *worker) fail(doing string, err error) {
	kind, detail := kindOf(err)
	w.seen.Fail(doing+": "+kind, detail)
}

// kindOf returns the text by which err is counted, and what differs from error to error
// of that kind, if anything does. The kind names neither a connection nor a position, so
// that the same error of many connections is counted as one.
func kindOf(err error) (kind, detail string) {
	var f *result.Fault
	var e *net.OpError
	var errno syscall.Errno
	switch {
	case errors.As(err, &f):
		return f.Kind, f.Detail
	case errors.As(err, &errno):
		return errno.Error(), ""
	case errors.As(err, &e):
		return e.Err.Error(), ""
	}
	return err.Error(), ""
}

// errIsHTTP is the error of an answer that begins as an HTTP response does, where an
// echo was expected.
var errIsHTTP = errors.New("the answer is HTTP, and no echo: the target is to be --protocol " + plan.HTTP)
