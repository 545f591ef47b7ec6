package fd

import "github.com/penstock/penstock/internal/sys"

// ShutdownWrite sends our end of stream, once. An error is the socket's: the peer
// would wait for ever for an end that was not sent. ENOTCONN means that the peer has
// reset the connection; a send of nothing says why, and tells whoever must not wait for
// what it has not acknowledged, as SIOCOUTQ counts that for good (tcp_ioctl).
func (d *FD) ShutdownWrite(k sys.Kernel) sys.Errno {
	if d.shut&writeTry != 0 {
		return 0
	}
	d.shut |= writeTry
	e := k.Shutdown(d.Num(), sys.ShutWrite)
	if e == sys.ENOTCONN {
		if _, why := k.Send(d.Num(), nil, 0); why != 0 {
			e = why
		}
	}
	if e != 0 {
		return d.failed(e, 0)
	}
	d.shut |= writeEnd
	return 0
}

// Reset makes the coming Close a reset: for TCP a zero linger time turns
// close(2) into RST. A Unix socket has none; its peer reads the end of the
// stream, or ECONNRESET if bytes that it sent were not read here.
func (d *FD) Reset(k sys.Kernel) {
	if d.kind != sys.Unix {
		k.SetLinger(d.Num(), true, 0)
	}
}

// Close closes the descriptor. It comes last: the registration's generation has
// moved on, its epoll entry is gone, and nobody can reach the number any more.
func (d *FD) Close(k sys.Kernel) {
	if num := d.Num(); num >= 0 {
		d.num = 0
		CloseNum(k, num)
	}
}

// CloseNum closes a number that was never an FD: an end of a pipe, an epoll
// descriptor. It holds the only call of close(2) in the runtime. Its error is
// dropped: the number is free whatever close(2) answers.
func CloseNum(k sys.Kernel, num int) {
	_ = k.Close(num)
}
