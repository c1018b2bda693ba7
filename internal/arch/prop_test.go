package arch

import (
	"os/exec"
	"strings"
	"testing"
)

// Only tests import scenarios/prop. It has flags, and every command that imported it would have them.
func TestOnlyTestsImportProp(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Imports}}`, "samsa/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "samsa/scenarios/prop") {
			t.Errorf("%s imports scenarios/prop", path)
		}
	}
	if !strings.Contains(string(out), "samsa/scenarios/prop ") {
		t.Error("there is no scenarios/prop")
	}
}
