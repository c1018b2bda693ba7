package main

import (
	"os/exec"
	"testing"
)

// BenchmarkColdStart measures the wait of a user: a process starts, runs leader-failover and prints the story. The
// bar is 150 ms.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command(binary, "run", "leader-failover").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
