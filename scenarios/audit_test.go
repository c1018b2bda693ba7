package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"samsa/check"
)

// audited are the scenarios of the audit: the first scenario in the README, and one that has every kind of event.
var audited = [...]string{"leader-failover", "testdata/audit.txt"}

// auditSeeds returns 20 seeds, or as many as SAMSA_AUDIT_SEEDS gives.
func auditSeeds(t *testing.T) []uint64 {
	n := 20
	if s := os.Getenv("SAMSA_AUDIT_SEEDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			t.Fatalf("SAMSA_AUDIT_SEEDS is %q, not a number of seeds", s)
		}
	}
	return DerivedSeeds(2026, n)
}

// TestDeterminism runs the same seeds twice, in another process, in the three message modes, with GOGC=1, and on 32 bits.
// Hash and verdict must be equal, and different seeds must give different runs.
func TestDeterminism(t *testing.T) {
	seeds := auditSeeds(t)
	native := buildReplay(t, runtime.GOARCH)
	for _, name := range audited {
		t.Run(name, func(t *testing.T) { audit(t, name, seeds, native) })
	}
}

func audit(t *testing.T, name string, seeds []uint64, native string) {
	src, ok := Source(name)
	if !ok {
		var err error
		if src, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	program := load(t, string(src))
	once := func(mode Mode) (lines []string) {
		for _, seed := range seeds {
			v, err := New(program, RunOptions{Seed: &seed, Mode: mode}).Finish()
			if err != nil {
				t.Fatal(err)
			}
			if v.Unsound != nil {
				t.Errorf("seed %d, mode %s: %v", seed, mode, v.Unsound)
			}
			verdict := "ok"
			if v.Status != check.Held {
				verdict = v.Status.String()
			}
			lines = append(lines, fmt.Sprintf("%d %016x %s", seed, v.Hash, verdict))
		}
		return lines
	}
	want := once(ModePointer)
	hashes := map[string]bool{}
	for _, line := range want {
		hashes[strings.Fields(line)[1]] = true
	}
	if len(hashes) != len(seeds) {
		t.Errorf("%d seeds gave %d different runs", len(seeds), len(hashes))
	}
	for _, axis := range []struct {
		name string
		mode Mode
	}{{"a second time", ModePointer}, {"wire mode", ModeWire}, {"guard mode", ModeGuard}} {
		t.Run(axis.name, func(t *testing.T) { same(t, want, once(axis.mode)) })
	}
	t.Run("another process", func(t *testing.T) { same(t, want, replay(t, native, name, seeds)) })
	t.Run("GOGC=1", func(t *testing.T) { same(t, want, replay(t, native, name, seeds, "GOGC=1")) })
	t.Run("GOARCH=386", func(t *testing.T) {
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			t.Skip("386 binaries run on Linux on amd64")
		}
		same(t, want, replay(t, buildReplay(t, "386"), name, seeds))
	})
}

// same compares two lists of runs.
func same(t *testing.T, want, got []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d runs, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("seed, hash, verdict were %s and are %s", want[i], got[i])
		}
	}
}

// buildReplay builds internal/replay for an architecture.
func buildReplay(t *testing.T, arch string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "replay")
	build := exec.Command("go", "build", "-o", binary, "samsa/internal/replay")
	build.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	return binary
}

// replay runs the seeds in a separate process.
func replay(t *testing.T, binary, name string, seeds []uint64, env ...string) []string {
	t.Helper()
	words := make([]string, len(seeds))
	for i, seed := range seeds {
		words[i] = strconv.FormatUint(seed, 10)
	}
	run := exec.Command(binary, "-seeds", strings.Join(words, ","), name)
	run.Env = append(os.Environ(), env...)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", run, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
