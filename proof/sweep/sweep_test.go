package sweep

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

func TestMain(m *testing.M) {
	if isTarget() {
		runTarget()
		return
	}
	os.Exit(m.Run())
}

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the target needs epoll")
	}
}

func TestWithoutAFaultNothingIsWrong(t *testing.T) {
	needLinux(t)
	testkit.Leaks(t)
	for _, scenario := range []string{scenarioMain, scenarioBulk} {
		tr, err := try(fault{Scenario: scenario}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range judge(fault{}, tr, 0) {
			t.Error(scenario, w)
		}
		t.Log(tr.cpu, tr.outcome)
	}
}

// An oracle that cannot fail proves nothing: each fault that is planted into the
// target is noticed, and told by what it did.
func TestFaultsOfATargetAreNoticed(t *testing.T) {
	needLinux(t)
	for planted, want := range map[string]string{
		plantedDrop:  "connections harmed",
		plantedEnd:   "a cut that looks complete",
		plantedHang:  "a hang",
		plantedLeak:  "descriptors leaked",
		plantedPanic: "the target died",
		plantedSpin:  "a spin",
		plantedStay:  "the target does not end",
	} {
		t.Run(planted, func(t *testing.T) {
			t.Parallel()
			// On no thread, so that nothing is injected, but the peers' patience is short.
			tr, err := try(fault{Scenario: scenarioMain, Call: "recvfrom", Errno: "EAGAIN"}, planted)
			if err != nil {
				t.Fatal(err)
			}
			wrong := strings.Join(judge(fault{}, tr, 80), "\n")
			t.Log(wrong)
			if !strings.Contains(wrong, want) {
				t.Errorf("nothing says %q", want)
			}
		})
	}
}

// The first call of some kinds that cut, that are made again, and that are done
// without. All of them, at every index: go run ./proof sweep.
func TestTheFirstCallsMayFail(t *testing.T) {
	testkit.NeedFull(t)
	needLinux(t)
	if err := usable(); err != nil {
		t.Skip(err)
	}
	testkit.Leaks(t)
	var out strings.Builder
	err := Run(strings.Fields("-max 1 -errno ECONNRESET,EMFILE,EINTR,ENOMEM,EPIPE,ENOBUFS"), &out)
	t.Log(out.String())
	if err != nil {
		t.Error(err)
	}
}

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	needLinux(t)
	if err := usable(); err != nil {
		t.Skip(err)
	}
	for _, args := range []string{"-parallel 0", "-max -1", "-index -1", "extra", "-max 1 -call getuid", "-call splice -errno ENOENT"} {
		if err := Run(strings.Fields(args), new(strings.Builder)); err == nil {
			t.Errorf("%s: accepted", args)
		}
	}
}
