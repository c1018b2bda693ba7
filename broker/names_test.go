package broker_test

import "testing"

// Every name in the sources is an error of Kafka's; otherwise the table of TestMain would miss some.
func TestEveryErrorNamedHasACode(t *testing.T) {
	for _, name := range named() {
		if _, ok := codeNamed(name); !ok {
			t.Errorf("no code for kerr.%s", name)
		}
	}
	if n := len(named()); n < 20 {
		t.Errorf("only %d names found", n)
	}
}
