package prop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// flaw is a flaw that is planted into the example: a change of its text.
type flaw struct {
	test     string // the name of the changed test
	old, new string
	file     string // of the failure
	seed     string // of a draw that fails, so that the test need not look for one
}

var flaws = []flaw{
	{"TestOfTheCode", "; err == nil {", "; err == nil || true {", "TestOfTheCode-payment-lost.txt", "22"},
	{"TestOfKafka", "prop.Test{", `prop.Test{Rules: []string{"M1"}, `, "TestOfKafka-truncation-licensed.txt", "1"},
}

// module makes a Go module outside of the repository, with a replace line. Its tests are the example of the README, and the same
// with each flaw.
func module(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "<!-- example: TestPayments -->\n```go\n")
	example, _, closed := strings.Cut(after, "```\n")
	if !ok || !closed {
		t.Fatal("the README has no example")
	}
	if n := strings.Count(example, "\n"); n > 15 {
		t.Errorf("the example has %d lines, and the README promises few", n)
	}
	tests := example
	for _, f := range flaws {
		if strings.Count(example, f.old) != 1 {
			t.Fatalf("the example has no %q", f.old)
		}
		tests += "\n" + strings.NewReplacer(f.old, f.new, "TestPayments", f.test).Replace(example)
	}
	dir := t.TempDir()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, needs, _ := strings.Cut(string(mod), "\n") // the same versions, so nothing has to be downloaded
	for name, text := range map[string]string{
		"go.mod": "module bank\n" + needs + "\nrequire samsa v0.0.0\n\nreplace samsa => " + root + "\n",
		"go.sum": string(sums),
		"payments_test.go": "package bank\n\nimport (\n\t\"fmt\"\n\t\"testing\"\n\t\"time\"\n\n\t\"samsa/scenarios/prop\"\n)\n\n" +
			tests,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a program in a directory, with GOFLAGS as they are: with others, go would compile all packages anew.
func run(dir string, name string, args ...string) (out string, ok bool) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// The example of the README runs in a module of its own: without a flaw it passes, and with a planted one, in the code or in
// Kafka, it fails with a shrunk file, which the next run replays first. `go test` is run once and leaves its program, because it
// links for longer than the program runs.
func TestTheExampleRunsOutside(t *testing.T) {
	dir := module(t)
	if out, ok := run(dir, "go", "test", "-mod=mod", "-vet=off", "-o", "bank.test", "-run", "^TestPayments$", "-samsa.runs=30"); !ok {
		t.Fatalf("without a flaw it fails:\n%s", out)
	}
	for _, f := range flaws {
		t.Run(f.test, func(t *testing.T) {
			test := func(args ...string) (string, bool) {
				return run(dir, filepath.Join(dir, "bank.test"), append([]string{"-test.run=^" + f.test + "$"}, args...)...)
			}
			out, ok := test("-samsa.runs=5", "-samsa.seed="+f.seed)
			path := "testdata/samsa/" + f.file
			src, err := os.ReadFile(filepath.Join(dir, path))
			if ok || err != nil {
				t.Fatalf("passes %v, %v\n%s", ok, err, out)
			}
			for _, want := range []string{"payments_test.go:", "shrunk from ", path, "-run '^" + f.test + "$' -samsa.file"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for line := range strings.Lines(out) {
				long := len([]rune(strings.TrimRight(line, "\n"))) > 80
				if command := strings.Contains(line, " again ") || strings.Contains(line, "found ") || strings.Contains(line, " as app "); long && !command {
					t.Errorf("a line is wider than 80 columns: %s", line)
				}
			}
			if n := strings.Count(string(src), "\n"); n > 20 || !strings.Contains(string(src), "workload "+f.test+" as app") {
				t.Errorf("%s has %d lines:\n%s", path, n, src)
			}
			if again, ok := test("-samsa.file", path); ok || !strings.Contains(again, path+":\n") {
				t.Errorf("the file replays: passes %v\n%s", ok, again)
			}
			if again, ok := test(); ok || !strings.Contains(again, path+":\n") || strings.Contains(again, "draw ") {
				t.Errorf("the file is not replayed first:\n%s", again)
			}
		})
	}
}
