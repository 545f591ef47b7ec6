// Package mutants measures the tests by mutation: it changes the shipped source in small
// ways, one at a time, and reports which changes no test notices.
//
// All mutants of all packages compile into one build. Each is a copy of its function
// under another name, and the function starts with a switch that calls the copy whose
// number is in the environment. So thousands of mutants cost one compilation, and each
// costs one run of the tests that reach its function. A mutant of what is not a function
// (a constant) is a build of its own. The edits never touch the tree: they are given to
// the go command with -overlay.
//
// A mutant runs against the tests that reach its function, the cheapest first, whether they
// are of its package or of another, or schedules on the simulated kernel. The first that
// goes red kills it. A test that fails on real sockets must fail twice.
package mutants

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// packages are those that ship, in the order of their imports.
var packages = []string{"internal/sys", "fd", "poller", "pool", "loop", "splice"}

type options struct {
	sample  int
	seed    uint64
	pkg     string
	file    string
	id      *regexp.Regexp
	run     *regexp.Regexp
	jobs    int
	least   float64
	results string
	dir     string
	list    bool
	verbose bool
}

func parse(args []string, out io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&o.sample, "sample", 0, "run so many of the mutants, chosen by the seed; 0: all")
	flags.Uint64Var(&o.seed, "seed", 1, "the seed of the sample")
	flags.StringVar(&o.pkg, "package", "", "only the mutants of this package, such as pool")
	flags.StringVar(&o.file, "file", "", "only the mutants of this file, such as pool/pipes.go")
	id := flags.String("id", "", "only the mutants whose id matches the regular expression")
	run := flags.String("run", "", "only with the tests and commands whose name, such as fd.TestX, matches")
	flags.IntVar(&o.jobs, "j", 2, "how many mutants run at a time")
	flags.Float64Var(&o.least, "least", 0, "fail if fewer per cent are killed")
	flags.StringVar(&o.results, "results", "", "keep verdicts in this file, and skip the mutants that have one")
	flags.StringVar(&o.dir, "dir", "", "build in this directory, and keep it; default: a temporary one")
	flags.BoolVar(&o.list, "list", false, "print the mutants, and run none")
	flags.BoolVar(&o.verbose, "v", false, "print every verdict, and what killed")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.id, err = regexp.Compile(*id); err != nil {
		return nil, err
	}
	if o.run, err = regexp.Compile(*run); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// Run is the command "mutants".
func Run(args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	files, err := readFiles(root)
	if err != nil {
		return err
	}
	all := number(files)
	listed, err := readEquivalent(all, equivalent)
	if err != nil {
		return err
	}
	chosen := o.choose(all, listed)
	if o.list {
		for _, m := range chosen {
			fmt.Fprintln(out, m)
		}
		return nil
	}
	dir, clean, err := o.workDir()
	if err != nil {
		return err
	}
	defer clean()
	b := &build{root: root, dir: dir, files: files}
	began := time.Now()
	trials, err := b.trials(o)
	if err != nil {
		return err
	}
	if err := b.compile(trials); err != nil {
		return err
	}
	chosen = o.cut(chosen)
	fmt.Fprintf(out, "%d mutants built in %.0f s\n", len(chosen), time.Since(began).Seconds())
	trials = b.measure(o, trials, out)
	fmt.Fprintf(out, "%d tests and commands are green without a mutant, after %.0f s\n", len(trials), time.Since(began).Seconds())
	r, err := o.judgeAll(b, trials, chosen, listed, out)
	if err != nil {
		return err
	}
	return r.report(o, out)
}

// workDir is the directory for the builds, and what to do in the end.
func (o *options) workDir() (dir string, clean func(), err error) {
	if o.dir != "" {
		return o.dir, func() {}, os.MkdirAll(o.dir, 0o700)
	}
	dir, err = os.MkdirTemp("", "penstock-mutants")
	return dir, func() { os.RemoveAll(dir) }, err
}

// choose marks the mutants that the options ask for as wanted. A sample is chosen by a hash
// of each id, so that it changes little when the source does; it leaves out those that are
// listed as equivalent, and has some to spare for those that do not compile.
func (o *options) choose(all []*Mutant, listed map[string]string) (chosen []*Mutant) {
	for _, m := range all {
		wanted := (o.pkg == "" || m.Package() == o.pkg) && (o.file == "" || m.File == o.file) && o.id.MatchString(m.ID)
		if wanted && (o.sample == 0 || listed[m.ID] == "") {
			chosen = append(chosen, m)
		}
	}
	if o.sample > 0 {
		slices.SortFunc(chosen, func(a, b *Mutant) int { return cmp.Compare(o.draw(a.ID), o.draw(b.ID)) })
		chosen = chosen[:min(2*o.sample, len(chosen))]
	}
	for _, m := range chosen {
		m.wanted = true
	}
	return chosen
}

// cut leaves those that compile, and of a sample as many as were asked for.
func (o *options) cut(chosen []*Mutant) []*Mutant {
	chosen = slices.DeleteFunc(chosen, func(m *Mutant) bool { return m.broken })
	if o.sample > 0 {
		chosen = chosen[:min(o.sample, len(chosen))]
	}
	return chosen
}

func (o *options) draw(id string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, o.seed, id)
	return h.Sum64()
}

const module = "github.com/penstock/penstock"

func findRoot() (string, error) {
	text, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(text)), nil
}

var errTooFew = errors.New("too few mutants were killed")
