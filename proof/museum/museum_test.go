package museum

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
	"time"
)

// thirty are the bugs of the historic list, and the tiers that are to catch each.
var thirty = map[string]string{
	"eagain_means_dry": "A, D", "eagain_means_retry": "A", "pump_too_long": "D", "rst_as_fin": "A, D",
	"rst_drops_data": "A, D", "so_error_first": "A, D", "shutdown_overtakes_pipe": "A, D", "urgent_eof": "D",
	"dirty_pipe_reuse": "A, D", "dst_error_leaks_pipe": "A, C", "stale_event": "A", "close_before_forget": "A",
	"lost_wakeup": "A", "task_queue_starves_poll": "A, D", "rdhup_is_close": "A, D", "half_close_drops_reply": "A, D",
	"partial_writev": "A, D", "emfile_kills": "A, D", "emfile_spins": "A, D", "both_directions_full": "A",
	"data_and_fin_in_one": "A, D", "sticky_no_splice": "A", "unsent_counted": "A", "resume_from_drained": "A, D",
	"quota_ignores_pipe": "A", "len_max": "unit", "blocked_close": "D", "two_slot_pipes": "D",
	"timer_rounds_to_zero": "A, unit", "panic_kills_loop": "D",
}

func TestEveryHistoricBugHasARow(t *testing.T) {
	found := map[string]bool{}
	for _, row := range tables() {
		if found[row.Name] {
			t.Errorf("%s: two rows", row.Name)
		}
		found[row.Name] = true
		if tiers, ok := thirty[row.Name]; ok && tiers != row.Tiers {
			t.Errorf("%s: tiers %q, want %q", row.Name, row.Tiers, tiers)
		}
	}
	for name := range thirty {
		if !found[name] {
			t.Errorf("%s: no row", name)
		}
	}
	if len(thirty) != 30 || len(found) < len(thirty)+12 {
		t.Errorf("%d historic bugs, %d rows", len(thirty), len(found))
	}
}

func TestRowsAreWellFormed(t *testing.T) {
	for _, row := range tables() {
		if row.Story == "" || row.Tiers == "" || (row.Impossible == "") == (len(row.Plants) == 0) {
			t.Errorf("%s: wants a story, tiers, and either plants or a reason why there are none", row.Name)
		}
		for _, p := range row.Plants {
			if len(p.Edits) == 0 || len(row.catchers(p)) == 0 {
				t.Errorf("%s: %d edits, %d catchers", row.Name, len(p.Edits), len(row.catchers(p)))
			}
			for _, c := range p.Catchers {
				if c.Tier != tierA && c.Tier != tierD && c.Tier != unit {
					t.Errorf("%s: tier %q", row.Name, c.Tier)
				}
			}
		}
	}
}

// Every text is found once, and what is put in its place leaves a Go file.
func TestTextsAreInTheSource(t *testing.T) {
	root := root(t)
	for _, row := range tables() {
		for _, p := range row.Plants {
			texts, err := p.grow(root)
			if err != nil {
				t.Errorf("%s: %v", row.Name, err)
			}
			for file, text := range texts {
				if _, err := parser.ParseFile(token.NewFileSet(), file, text, 0); err != nil {
					t.Errorf("%s: %v", row.Name, err)
				}
			}
		}
	}
}

// A catcher names a test that exists; go test would be content with none.
func TestCatchersNameTests(t *testing.T) {
	root, name := root(t), regexp.MustCompile(`^\^((?:Test|Fuzz)\w+)\$`)
	for _, row := range tables() {
		for _, p := range row.Plants {
			for _, c := range p.Catchers {
				m := name.FindStringSubmatch(c.Run)
				if m == nil {
					t.Errorf("%s: %q does not begin with ^TestName$", row.Name, c.Run)
				} else if !exists(t, filepath.Join(root, c.Package), m[1]) {
					t.Errorf("%s: no test %s in %s", row.Name, m[1], c.Package)
				}
			}
		}
	}
}

func exists(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(text, []byte("\nfunc "+test+"("))
	})
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPlantIsCaught(t *testing.T) {
	testkit.NeedFull(t)
	onLinux(t)
	var out strings.Builder
	if err := Run([]string{"-run", "^len_max$|^timer_rounds_to_zero$", "-tier", unit}, &out); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"TestTimeoutsAreNeverRoundedDownToZero\n", "TestTimersExpireInOrderLikeANaiveList\n", " 0 not caught"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

// An edit that changes nothing is reported as not caught, one that does not compile,
// a catcher that is no test, and schedules none of which is named, as disorder: none of
// them counts as caught.
func TestMissIsReported(t *testing.T) {
	testkit.NeedFull(t)
	onLinux(t)
	const file, text = "internal/sys/epoll_linux.go", "// millis converts"
	const run = "^TestTimeoutsAreNeverRoundedDownToZero$"
	for _, try := range []struct{ tier, find, put, run, want string }{
		{unit, text, "// MILLIS converts", run, "were not caught"},
		{unit, text, "x // millis converts", run, "does not compile"},
		{unit, text, "// MILLIS converts", "^TestThatIsNot$", "has rotted"},
		{unit, "no such text", "", run, "has rotted"},
		{tierA, "(ns+int64(time.Millisecond)-1)/int64(time.Millisecond)", "ns/int64(time.Millisecond)", run, "no schedule was named"},
	} {
		row := Row{Name: "harmless", Plants: []Plant{{
			Edits: []Edit{{file, try.find, try.put}}, Catchers: []Catcher{{try.tier, "./internal/sys", try.run}},
		}}}
		o := options{timeout: 10 * time.Second, jobs: 1}
		var out strings.Builder
		err := o.exhibit(root(t), []Row{row}, &out)
		if err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%v, want %q in it; the report:\n%s", err, try.want, &out)
		}
	}
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the tests that catch need epoll")
	}
}

func TestOutcomesAreTold(t *testing.T) {
	for output, want := range map[string]string{
		"--- FAIL: TestA (0.01s)\n    --- FAIL: TestA/b (0.00s)\nFAIL":                         "TestA/b",
		"panic: test timed out after 8s\n\trunning tests:\n\t\tTestA (8s)\n\t\tTestA/b (8s)\n": "TestA/b (hangs)",
		"panic: in a handler\n\ngoroutine 7":                                                   "the process ended: panic: in a handler",
		"schedules until found: 17\n--- FAIL: TestEveryWorld (0.01s)\n":                        "TestEveryWorld",
		"ld: cannot find anything":                                                             "",
	} {
		r := result{output: output}
		r.read()
		if got := strings.Join(r.red, ", "); got != want {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
		if strings.Contains(output, "schedules") && r.schedules != "17" {
			t.Errorf("%q: %q schedules", output, r.schedules)
		}
	}
}
