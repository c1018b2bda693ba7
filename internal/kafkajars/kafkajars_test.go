package kafkajars

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cached class path is used only while all its jars exist.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	kept, one, two := filepath.Join(dir, "classpath"), filepath.Join(dir, "one.jar"), filepath.Join(dir, "two.jar")
	want := one + string(filepath.ListSeparator) + two
	for _, step := range []struct {
		what string
		do   func() error
		ok   bool
	}{
		{"nothing kept", func() error { return nil }, false},
		{"an empty file", func() error { return os.WriteFile(kept, nil, 0o666) }, false},
		{"no jar there", func() error { return os.WriteFile(kept, []byte(want+"\n"), 0o666) }, false},
		{"one jar there", func() error { return os.WriteFile(one, nil, 0o666) }, false},
		{"both there", func() error { return os.WriteFile(two, nil, 0o666) }, true},
		{"one removed", func() error { return os.Remove(one) }, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if path, ok := load(kept); ok != step.ok || ok && path != want {
			t.Errorf("%s: loaded %q, %v; want %v", step.what, path, ok, step.ok)
		}
	}
}

// A tool's stdout, stderr and exit code are returned separately.
func TestRun(t *testing.T) {
	const dump = "org.apache.kafka.tools.DumpLogSegments"
	j := Need(t)
	if r := j.Run(t, dump, "--version"); r.Code != 0 || !strings.HasPrefix(r.Out, "4.3.1") {
		t.Errorf("--version: %+v", r)
	}
	if r := j.Run(t, dump, "--files", "00000000000000000000.log"); r.Code == 0 || !strings.Contains(r.Err, "00000000000000000000.log") {
		t.Errorf("an absent file: %+v", r)
	}
}
