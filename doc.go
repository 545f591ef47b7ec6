// Package penstock is an event-loop runtime for Linux that moves bytes between
// sockets inside the kernel. There is nothing to import here: the packages below
// are the runtime, and this is its story, in six verbs.
//
// accept: a loop takes a connection from its listener, or finishes one that it
// dialled (loop/accept.go, loop/connect.go).
//
// register: the descriptor is added to epoll once, edge-triggered, stamped with
// its slot and generation (loop/register.go, poller/poller.go).
//
// ready: a batch of events becomes sticky readiness bits and two ready lists; who
// is ready is visited, within a budget (poller/decode.go, loop/ready.go).
//
// drain: bytes go from the source into a pipe by splice, or into a buffer
// (splice/drain.go).
//
// pump: and from there to the sink (splice/pump.go).
//
// finish: the end of a stream is confirmed and passed on, a reset as a reset, what
// was lent is given back, and the descriptor is closed last (splice/finish.go,
// loop/finish.go, fd/close.go).
//
// Start with [github.com/penstock/penstock/loop] for servers, and
// [github.com/penstock/penstock/splice] for relays. ARCHITECTURE.md has the
// drawing, INVARIANTS.md what must always be true.
package penstock
