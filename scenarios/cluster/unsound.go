package cluster

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim"
)

// Unsound is a bug in Samsa itself that the world detected. The verdict of such a run says nothing about Kafka.
type Unsound struct {
	Kind UnsoundKind
	API  string // Kafka's name of the request: "Fetch"
	Text string // a description with the numbers of this run
}

// UnsoundKind is a kind of bug that a world can detect.
type UnsoundKind uint8

const (
	RequestChanged  UnsoundKind = iota // a request was changed after it was sent (guard mode)
	ResponseChanged                    // a response was changed after it was sent (guard mode)
)

// String returns the kind in words, which are the same on every seed.
func (k UnsoundKind) String() string {
	return [...]string{"a request was changed after it was sent", "a response was changed after it was sent"}[k]
}

// Error implements error.
func (u *Unsound) Error() string { return u.Text }

// Fingerprint returns the same text for one bug on different seeds.
func (u *Unsound) Fingerprint() string { return u.Kind.String() + ": " + u.API }

// changed returns the bug for a message that guard mode found to be changed.
func changed(v *sim.GuardViolation) *Unsound {
	u := &Unsound{RequestChanged, kmsg.NameForKey(v.Key), v.Error()}
	if v.Response {
		u.Kind = ResponseChanged
	}
	return u
}
