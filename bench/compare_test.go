package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/result"
)

// saved saves results, and answers the files.
func saved(t *testing.T, results ...*result.Result) (files []string) {
	t.Helper()
	dir := t.TempDir()
	for i, r := range results {
		file := filepath.Join(dir, string(rune('x'+i))+".json")
		if err := r.Save(file); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// line runs a command line, and answers its exit code and what it wrote.
func line(args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

func TestCompareSaysRatiosAndThatTheyProveLittle(t *testing.T) {
	x, y := sample.Result(), sample.Result()
	y.Plan.Target.Address, y.Plan.Seed, y.Environment.Kernel = "127.0.0.1:7001", 99, "6.19.0"
	y.AchievedRate, y.Cost.CPUPerUnit, y.Latency.Response.P99 = x.AchievedRate*1.5, x.Cost.CPUPerUnit/2, x.Latency.Response.P99*3
	files := saved(t, x, y)
	code, out, complaints := line("compare", files[0], files[1])
	if code != 0 {
		t.Fatalf("%d: %s", code, complaints)
	}
	for _, want := range []string{"rate .*1.50", "CPU per request .*0.500", "response p99 .*3.00", "service p99 .*1.00", "lag max .*1.00", `differs: kernel: "6.18.0" and "6.19.0"`, `differs: seed: 1234 and 99`, "differs: target", "prove little.* ab"} {
		if !matches(out, want) {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
}

// matches says that a line has the parts of a pattern in it, one behind the other.
func matches(text, pattern string) bool {
	for one := range strings.Lines(text) {
		found := true
		for part := range strings.SplitSeq(pattern, ".*") {
			at := strings.Index(one, part)
			if found = at >= 0; !found {
				break
			}
			one = one[at+len(part):]
		}
		if found {
			return true
		}
	}
	return false
}

func TestCompareRefusesDifferentLoads(t *testing.T) {
	x, y := sample.Result(), sample.Result()
	y.Plan.Conns, y.Plan.Time = 200, 20*time.Second
	files := saved(t, x, y)
	code, _, complaints := line("compare", files[0], files[1])
	if code != exitUsage || !strings.Contains(complaints, "conns: 100 and 200; duration_ns: 10000000000 and 20000000000") || !strings.Contains(complaints, "--force") {
		t.Errorf("%d: %s", code, complaints)
	}
	code, out, _ := line("compare", "--force", files[0], files[1])
	if code != 0 || !strings.Contains(out, "differs: conns: 100 and 200") {
		t.Errorf("forced: %d\n%s", code, out)
	}
}

func TestCompareOfAnInvalidRunIsInvalid(t *testing.T) {
	x, y := sample.Result(), sample.Result()
	y.Valid, y.InvalidReasons = false, []string{"steal: too much"}
	files := saved(t, x, y)
	code, out, _ := line("compare", files[0], files[1])
	if code != exitInvalid || !strings.Contains(out, "Y  INVALID") || !strings.Contains(out, "✗ steal: too much") {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestReportIsMadeOfWhatWasSaved(t *testing.T) {
	files := saved(t, sample.Scan()...)
	ab := filepath.Join(filepath.Dir(files[0]), "ab.json")
	if err := sample.Comparison().Save(ab); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "out.html")
	code, out, complaints := line(append([]string{"report", "-o", page, "--title", "Some runs", ab}, files...)...)
	if code != 0 || !strings.Contains(out, "6 results, 1 comparisons") {
		t.Fatalf("%d: %s%s", code, out, complaints)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("<title>Some runs</title>")) || !bytes.Contains(text, []byte("Latency over load")) || !bytes.Contains(text, []byte("no difference shown")) {
		t.Error("the page has not everything on it")
	}
	for file, content := range map[string]string{"none.json": "", "no.json": "{", "other.json": `{"schema": "other/1"}`} {
		file = filepath.Join(filepath.Dir(files[0]), file)
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if code, _, complaints := line("report", "-o", page, file); code != exitUsage || !strings.Contains(complaints, file) {
			t.Errorf("%s: %d: %s", file, code, complaints)
		}
	}
}
