package log

import "testing"

func TestRefused(t *testing.T) {
	l := Log{Limit: 1}
	l.Append(2)
	if l.Refused != 1 {
		t.Fatal("not counted")
	}
}
