package main

import (
	"os/exec"
	"testing"
)

// BenchmarkColdStart is what a user waits for: a process that starts, runs leader-failover and prints the story. The
// bar is 150 ms.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command(binary, "run", "leader-failover").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
