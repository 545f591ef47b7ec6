// Package page makes a page of results: one HTML file that needs no network and asks
// for nothing, with charts, tables of every figure, and what repeats the runs.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/penstock/penstock/bench/result"
)

// A Page is what is shown: results of runs, comparisons of systems, or both.
type Page struct {
	Title       string // default: what the results have in common
	Results     []*result.Result
	Comparisons []*result.Comparison
}

// The charts are drawn by uPlot, a library of 50 KB, which is part of every page.
var (
	//go:embed page.html
	html string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
	//go:embed assets/uPlot.iife.min.js
	library string
	//go:embed assets/uPlot.min.css
	libraryStyle string
	//go:embed assets/uPlot.LICENSE
	license string

	pageTemplate = template.Must(template.New("page").Parse(html))
)

// Write writes the page. All text of results is escaped by html/template.
func (p *Page) Write(w io.Writer) error {
	for _, r := range p.Results {
		if r.Plan == nil {
			return fmt.Errorf("a result of %v has no plan", r.Started)
		}
	}
	for _, c := range p.Comparisons {
		if len(c.Systems) < 2 {
			return fmt.Errorf("a comparison of %v has %d systems: must be two or more", c.Started, len(c.Systems))
		}
	}
	c := p.content()
	c.Style = template.CSS(libraryStyle + style)
	c.Library = template.JS("/*\n" + license + "*/\n" + library)
	c.Script = template.JS(script)
	c.Policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s %s", hash(string(c.Style)), hash(string(c.Library)), hash(string(c.Script)))
	return pageTemplate.Execute(w, c)
}

// hash names a text in a content security policy: nothing but what has a hash there
// is run or fetched, whatever a result may have brought in.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// quote writes arguments as a shell reads them.
func quote(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		plain := a != "" && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-") == ""
		if quoted[i] = a; !plain {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
