package config

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// unchecked has the errors of Kafka that this package does not return, by their text, each with the reason.
var unchecked = map[string]string{
	"Class cannot be found":      "assignors are names here, and which ones exist the coordinator knows",
	"share.acquire.mode":         "one row serves consumers and share consumers, as in Kafka; which one it is the settings do not say",
	"share.acknowledgement.mode": "likewise",
}

// If Kafka refuses to start with some settings, Check must refuse them, with one of the configs in the error of Kafka.
// If Kafka accepts them, Check must accept them.
func TestCheckIsKafkas(t *testing.T) {
	scopes := map[string]Scope{"node": Node, "producer": Producer, "consumer": Consumer, "topic": Topic}
	used := map[string]bool{}
	refused := 0
	for _, f := range kafkaLines(t, "testdata/checks.tsv.gz") {
		text := strings.ReplaceAll(f[1], "org.apache.kafka.clients.consumer.RangeAssignor", "range")
		verdict, why, _ := strings.Cut(f[2], " ")
		s, err := New(scopes[f[0]]), error(nil)
		for _, x := range strings.Fields(text) {
			name, value, _ := strings.Cut(x, "=")
			if _, ok := Lookup(scopes[f[0]], name); !ok {
				continue // a plug-in class
			}
			if s, err = s.With(name, value); err != nil {
				break
			}
		}
		if err == nil {
			err = s.Check()
		}
		known := false
		for words := range unchecked {
			if verdict == "no" && strings.Contains(why, words) {
				used[words], known = true, true
			}
		}
		var e *Error
		switch {
		case known && err != nil:
			t.Errorf("%s %s is refused after all: %v", f[0], text, err)
		case known:
		case (verdict == "no") != (err != nil):
			t.Errorf("%s %s: %v; Kafka says: %s", f[0], text, err, f[2])
		case err != nil:
			refused++
			if !errors.As(err, &e) {
				t.Errorf("%s %s: an error of another kind: %v", f[0], text, err)
			} else if !strings.Contains(why, e.Name) && !namesNothing(why) {
				t.Errorf("%s %s: %v; Kafka speaks of something else: %s", f[0], text, err, why)
			}
		case f[0] == "producer":
			got := "idempotent=" + strconv.FormatBool(s.Idempotent()) + " delivery.timeout.ms=" +
				strconv.FormatInt(int64(s.DeliveryTimeout()/millisecond), 10)
			if got != why {
				t.Errorf("producer %s has %s, in Kafka %s", text, got, why)
			}
		}
	}
	for words := range unchecked {
		if !used[words] {
			t.Errorf("Kafka never says %q", words)
		}
	}
	if refused < 80 {
		t.Errorf("only %d refusals: the test data is not what it was", refused)
	}
}

// namesNothing has the errors of Kafka that contain the name of no config.
func namesNothing(why string) bool {
	return strings.Contains(why, "Disabling the 'classic' protocol") || strings.Contains(why, "Heartbeat must be set lower")
}

func TestCheckSays(t *testing.T) {
	for _, c := range []struct {
		scope          Scope
		settings, want string
	}{
		{Producer, "acks=1 enable.idempotence=true", "acks=1: an idempotent producer needs acks=all"},
		{Topic, "min.compaction.lag.ms=5 max.compaction.lag.ms=4", "min.compaction.lag.ms=5: must not exceed max.compaction.lag.ms=4"},
		{Node, "group.consumer.min.session.timeout.ms=4000 group.consumer.session.timeout.ms=5000",
			"group.consumer.heartbeat.interval.ms=5000: must be less than group.consumer.session.timeout.ms=5000"},
		{Consumer, "group.id=g group.protocol=Consumer session.timeout.ms=5", "session.timeout.ms=5: cannot be set with group.protocol=Consumer"},
	} {
		if err := with(t, New(c.scope), strings.Fields(c.settings)...).Check(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.settings, err, c.want)
		}
	}
}
