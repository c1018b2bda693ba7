package prop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module makes a Go module outside of the repository, with a replace line, and the example of the README as its test.
func module(t *testing.T, change func(string) string) string {
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
			change(example),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goTest runs go test in a directory.
func goTest(dir string, args ...string) (out string, ok bool) {
	cmd := exec.Command("go", append([]string{"test", "-mod=mod"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// The example of the README runs in a module of its own: without a flaw it passes, and with a planted one, in the code or in
// Kafka, it fails with a shrunk file, which the next run replays first.
func TestTheExampleRunsOutside(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		file           string // empty if the test passes
	}{
		{"no flaw", "", "", ""},
		{"a flaw of the code", "; err == nil {", "; err == nil || true {", "TestPayments-payment-lost.txt"},
		{"an old rule", "prop.Test{", `prop.Test{Rules: []string{"M1"}, `, "TestPayments-truncation-licensed.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := module(t, func(example string) string {
				if !strings.Contains(example, c.old) {
					t.Fatalf("the example has no %q", c.old)
				}
				return strings.Replace(example, c.old, c.new, 1)
			})
			out, ok := goTest(dir, "-samsa.runs=30")
			if ok != (c.file == "") {
				t.Fatalf("passes %v:\n%s", ok, out)
			}
			if c.file == "" {
				return
			}
			path := "testdata/samsa/" + c.file
			src, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"shrunk from ", path, "-run '^TestPayments$' -samsa.file"} {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if n := strings.Count(string(src), "\n"); n > 20 || !strings.Contains(string(src), "workload TestPayments as app") {
				t.Errorf("%s has %d lines:\n%s", path, n, src)
			}
			if again, ok := goTest(dir, "-run", "^TestPayments$", "-samsa.file", path); ok || !strings.Contains(again, path+": ") {
				t.Errorf("the file replays: passes %v\n%s", ok, again)
			}
			if again, ok := goTest(dir); ok || !strings.Contains(again, path+": ") || strings.Contains(again, "draw ") {
				t.Errorf("the file is not replayed first:\n%s", again)
			}
		})
	}
}
