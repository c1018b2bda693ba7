package broker

import (
	"testing"

	"samsa/wire/config"
)

// internal.segment.bytes has no lower bound and wins over segment.bytes, as in Kafka's LogConfig.segmentSize.
func TestInternalSegmentBytes(t *testing.T) {
	set := config.New(config.Topic)
	for _, s := range [][2]string{{"segment.bytes", "2097152"}, {"internal.segment.bytes", "4096"}} {
		with, err := set.With(s[0], s[1])
		if err != nil {
			t.Fatal(err)
		}
		set = with
		log, _ := LogConfig(set)
		if want := map[string]int32{"segment.bytes": 2097152, "internal.segment.bytes": 4096}[s[0]]; log.SegmentBytes != want {
			t.Errorf("with %s=%s segments have %d bytes", s[0], s[1], log.SegmentBytes)
		}
	}
}
