package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/penstock/penstock/bench/page"
	"github.com/penstock/penstock/bench/result"
)

type reportCommand struct {
	Files []string `arg:"" name:"file" help:"Results and comparisons that were saved with --json."`
	Out   string   `short:"o" default:"report.html" placeholder:"FILE" help:"The page (${default})."`
	Title string   `help:"Its title."`
}

// Run makes a page of saved results.
func (c *reportCommand) Run(s *session) error {
	p := page.Page{Title: c.Title}
	for _, file := range c.Files {
		r, of, err := result.Read(file)
		switch {
		case err != nil:
			return &exit{exitUsage, err}
		case r != nil:
			p.Results = append(p.Results, r)
		default:
			p.Comparisons = append(p.Comparisons, of)
		}
	}
	if err := writePage(c.Out, &p); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %d results, %d comparisons\n", c.Out, len(p.Results), len(p.Comparisons))
	return nil
}

// writePage writes a page whole, or not at all.
func writePage(file string, p *page.Page) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return &exit{exitUsage, err}
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
