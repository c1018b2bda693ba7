package cluster

import (
	"testing"

	"samsa/sim"
)

// A bug is identified by its kind and API. The machines, versions and times are only in its text.
func TestUnsoundFingerprints(t *testing.T) {
	for _, c := range []struct {
		bug         *Unsound
		print, text string
	}{
		{changed(&sim.GuardViolation{Key: 1, Version: 17, From: "b2", To: "b1", Event: 9}), "a request was changed after it was sent: Fetch",
			"Fetch request version 17 from b2 to b1, sent by e9, was changed after it was sent"},
		{changed(&sim.GuardViolation{Key: 1, Version: 16, Response: true, From: "b1", To: "b3", Event: 7}), "a response was changed after it was sent: Fetch",
			"Fetch response version 16 from b1 to b3, sent by e7, was changed after it was sent"},
	} {
		if c.bug.Fingerprint() != c.print || c.bug.Error() != c.text {
			t.Errorf("%q: %q, want %q: %q", c.bug.Fingerprint(), c.bug, c.print, c.text)
		}
	}
}
