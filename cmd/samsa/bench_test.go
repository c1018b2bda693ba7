package main

import (
	"os/exec"
	"testing"
)

// BenchmarkColdStart measures the time from the start of a process that runs leader-failover until it has printed the story.
// It must stay below 150 ms.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command(binary, "run", "leader-failover").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
