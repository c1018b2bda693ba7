package main

import (
	"strings"
	"testing"
)

// A file that needs the Go code of a test is refused with the command that runs it.
func TestAFileOfATestIsRefused(t *testing.T) {
	mine := scenario(t, "cluster brokers=1 controllers=1\ntopic orders partitions=1 replicas=1\nworkload TestTransfers as app\n")
	for _, args := range [][]string{{"run", mine}, {"diff", mine, "leader-failover"}, {"cause", mine}, {"run", mine, "--json"}} {
		r := samsa(t, args...)
		if r.code != exitUsage || !strings.Contains(r.out+r.err, "go test -run '^TestTransfers$' -samsa.file "+mine) {
			t.Errorf("samsa %v: exit %d, %s%s", args, r.code, r.out, r.err)
		}
	}
}
