package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPageTellsTheSameRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.html")
	r := samsa(t, "run", "acks-one", "--html", path)
	if r.code != exitOK {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h1>acks-one</h1>", "Verdict: ok", "acked-durable</td><td class=\"priced\">", "acks=1", "was acknowledged to p1"} {
		if !strings.Contains(string(bytes), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(string(bytes), "ZgotmplZ") || strings.Contains(string(bytes), "<no value>") {
		t.Error("the template failed somewhere")
	}
	if r := samsa(t, "run", "acks-one", "--html", filepath.Join(path, "no", "such")); r.code != exitUsage || !strings.Contains(r.err, "cannot write the page") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
