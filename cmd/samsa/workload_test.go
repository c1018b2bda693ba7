package main

import (
	"strings"
	"testing"
)

// A file that needs the Go code of a test is refused with the command that runs it.
func TestAFileOfATestIsRefused(t *testing.T) {
	mine := scenario(t, "cluster brokers=1 controllers=1\ntopic orders partitions=1 replicas=1\nworkload TestTransfers as app\n")
	for _, args := range [][]string{{"run", mine}, {"run", mine, "--json"}, {"why", mine}, {"shrink", mine}, {"test", mine}, {"diff", mine, "leader-failover"}, {"cause", mine}} {
		r := samsa(t, args...)
		if out := r.out + r.err; r.code != exitUsage || !strings.Contains(out, "its workload is Go code, which only TestTransfers has") ||
			!strings.Contains(out, "go test -run '^TestTransfers$' -samsa.file "+mine) {
			t.Errorf("samsa %v: exit %d, %s", args, r.code, out)
		}
	}
	if err := needsTest("bank/testdata/samsa/x.txt", "TestX/a"); err.(*usageError).next != "cd bank/ && go test -run '^TestX$/^a$' -samsa.file testdata/samsa/x.txt" {
		t.Errorf("%+v", err)
	}
}
