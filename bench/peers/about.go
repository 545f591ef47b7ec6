package peers

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/result"
)

// about says where and how comparisons were measured, and in how many of them
// Penstock is first.
func about(all []*result.Comparison) string {
	if len(all) == 0 {
		return ""
	}
	c, leads := all[0], 0
	var versions []string
	for _, c := range all {
		if _, r := first(c); len(r.Blocks) > 0 && r.Median <= 1 {
			leads++
		}
		for _, s := range c.Systems {
			if s.Version != "" && !slices.Contains(versions, s.Version) {
				versions = append(versions, s.Version)
			}
		}
	}
	e := &c.Environment
	// The version of a kernel ends with what its builder calls it, which is nobody else's.
	kernel := regexp.MustCompile(`^(\S+ [\d.]+)\S*`).ReplaceAllString(e.Kernel, "$1")
	text := fmt.Sprintf("Measured on %s: %s, %d CPUs, %s, %s", c.Started.Format("2006-01-02"), e.CPU, e.CPUs, kernel, e.Go)
	if len(versions) > 0 {
		text += "; " + strings.Join(versions, ", ")
	}
	text += fmt.Sprintf(".\nEach ratio is the median of %d blocks of turns, with its 95 %% confidence interval. ", c.Blocks)
	return text + fmt.Sprintf("Penstock is the cheapest in %d of %d rows; in the others the last column is bold.\n", leads, len(all))
}

// version returns name and version of the program that is measured, "" if it has none.
func (s *system) version(bin string) string {
	switch {
	case s.module != "":
		info, err := buildinfo.ReadFile(fill(s.needs, map[string]string{"bin": bin}))
		if err != nil {
			return ""
		}
		for _, d := range info.Deps {
			if d.Path == s.module {
				return s.module + " " + d.Version
			}
		}
	case s.config != "": // a program that is installed
		out, err := exec.Command(s.needs, "-v").CombinedOutput()
		if found := regexp.MustCompile(`\d+\.\d+\.\d+`).Find(out); err == nil && found != nil {
			return strings.Trim(title(s.name), "*") + " " + string(found)
		}
	}
	return ""
}

// The marks in a file between which Write puts a text.
const (
	begin = "<!-- peers: begin -->\n"
	end   = "<!-- peers: end -->\n"
)

// Write replaces what is between the marks in a file.
func Write(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: has no lines %q and %q to put the table between", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}
