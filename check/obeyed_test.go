package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The config of a topic wins over that of its leader, which wins over that of all brokers. A leader is judged by the newest
// configs once it has applied them, and a follower copies whatever its leader has.
func TestALeaderObeysItsConfigs(t *testing.T) {
	large := Batch{Base: 0, Next: 1, CRC: 0xA, Size: 100}
	topic, of1, of2, all := func(s *stage, name, value string) { s.setting(wire.ConfigTopic, "orders", name, value) },
		func(s *stage, name, value string) { s.setting(wire.ConfigBroker, "1", name, value) },
		func(s *stage, name, value string) { s.setting(wire.ConfigBroker, "2", name, value) },
		func(s *stage, name, value string) { s.setting(wire.ConfigBroker, "", name, value) }
	append := func(s *stage, b Batch) { s.tick(); s.Appended(s.p, s.p.Replica(1), b) }
	for name, c := range map[string]struct {
		set   func(s *stage)
		plays func(s *stage)
		want  Status
	}{
		"nothing is set":         {func(*stage) {}, func(s *stage) { append(s, large) }, Unexercised},
		"of all brokers":         {func(s *stage) { all(s, messageMaxBytes, "99") }, func(s *stage) { append(s, large) }, Violated},
		"and large enough":       {func(s *stage) { all(s, messageMaxBytes, "100") }, func(s *stage) { append(s, large) }, Held},
		"of the broker":          {func(s *stage) { all(s, messageMaxBytes, "99"); of1(s, messageMaxBytes, "100") }, func(s *stage) { append(s, large) }, Held},
		"of another broker":      {func(s *stage) { all(s, messageMaxBytes, "99"); of2(s, messageMaxBytes, "100") }, func(s *stage) { append(s, large) }, Violated},
		"of the topic":           {func(s *stage) { of1(s, messageMaxBytes, "100"); topic(s, maxMessageBytes, "99") }, func(s *stage) { append(s, large) }, Violated},
		"a follower copies":      {func(s *stage) { all(s, messageMaxBytes, "99") }, func(s *stage) { s.write(0, 0, 0xA, 2) }, Unexercised},
		"stamped by the leader":  {func(s *stage) { topic(s, timestampType, "LogAppendTime") }, func(s *stage) { append(s, Batch{Base: 0, Next: 1, AppendTime: true}) }, Held},
		"stamped by the client":  {func(s *stage) { topic(s, timestampType, "LogAppendTime") }, func(s *stage) { append(s, large) }, Violated},
		"and for all brokers":    {func(s *stage) { all(s, logTimestampType, "CreateTime") }, func(s *stage) { append(s, Batch{Base: 0, Next: 1, AppendTime: true}) }, Violated},
		"refused, and larger":    {func(s *stage) { topic(s, maxMessageBytes, "99") }, func(s *stage) { refused(s, 100, 2) }, Held},
		"refused, and smaller":   {func(s *stage) { topic(s, maxMessageBytes, "101") }, func(s *stage) { refused(s, 100, 2) }, Violated},
		"by a broker behind":     {func(s *stage) { topic(s, maxMessageBytes, "101") }, func(s *stage) { refused(s, 100, 0) }, Unexercised},
		"its size is not known":  {func(s *stage) { topic(s, maxMessageBytes, "101") }, func(s *stage) { refused(s, 0, 2) }, Unexercised},
		"no number":              {func(s *stage) { topic(s, maxMessageBytes, "many") }, func(s *stage) { append(s, large) }, Unexercised},
		"its disk changed bytes": {func(s *stage) { all(s, messageMaxBytes, "99"); s.DiskFaulted(1, "bit rot") }, func(s *stage) { append(s, large) }, Priced},
	} {
		s := staged(2)
		c.set(s)
		s.Applied(1, s.image.configured, -1, false)
		c.plays(s)
		f := find(t, s.done(), "configs-obeyed")
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
	}
}

// refused makes b1 refuse a batch as too large. The min.insync.replicas in force is 0 if it has not applied the newest configs.
func refused(s *stage, size int32, minISR int) {
	now := Standing{0, 3, 3, minISR}
	s.tick()
	Produced{Code: messageTooLarge, Acks: -1, Size: size, Arrived: now, Answered: now, Alone: true}.Sent(s.View, s.p, s.p.Replica(1))
}
