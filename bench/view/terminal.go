package view

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Terminal says that w is a terminal on which lines can be redrawn and coloured, and
// that nobody asked for less.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// A paint colours text, or leaves it as it is.
type paint bool

func (p paint) as(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) good(s string) string { return p.as("1;32", s) }
func (p paint) bad(s string) string  { return p.as("1;31", s) }
