package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// Every api that ApiVersions lists is served in each of its versions, by the broker at once or from the purgatory, or by the
// controller. For any other key or version the broker closes the connection.
func TestWhatIsListedIsServed(t *testing.T) {
	s := newSolo(t)
	s.boot()
	listed := map[int16][2]int16{}
	for _, a := range got[*kmsg.ApiVersionsResponse](s, s.receive(kmsg.NewPtrApiVersionsRequest())).ApiKeys {
		listed[a.ApiKey] = [2]int16{a.MinVersion, a.MaxVersion}
	}
	const produce, produceFrom, apiVersions = 0, 3, 18 // Produce is listed from 0, and served from 3
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		versions, known := listed[key]
		s := newSolo(t)
		s.boot()
		for v := range req.MaxVersion() + 1 {
			req := kmsg.RequestForKey(key)
			req.SetVersion(v)
			if p, ok := req.(*kmsg.ProduceRequest); ok {
				p.Acks = 1 // with 0 there is no answer
			}
			calls := len(s.calls)
			n := s.receive(req)
			answered, closed, forwarded := !s.waits(n) && !s.closed[n], s.closed[n], len(s.calls) > calls
			served := known && v >= versions[0] && v <= versions[1] && (key != produce || v >= produceFrom)
			require.Equal(t, served || key == apiVersions, answered || forwarded, "%s v%d", kmsg.NameForKey(key), v)
			require.Equal(t, !served && key != apiVersions, closed, "%s v%d", kmsg.NameForKey(key), v)
		}
	}
}

// Each part has its own timers. A broker without requests runs all of its periodic work within an hour, and no part has
// two requests in flight.
func TestTimersAndCallsOfAllPartsTogether(t *testing.T) {
	s := newSolo(t, "replica.lag.time.max.ms=2000", "log.retention.check.interval.ms=10000", "producer.id.expiration.check.interval.ms=7000")
	s.boot()
	s.publish(s.topic("led", 1, 2)...)
	s.publish(s.topic("followed", 2, 1)...)
	n := s.receive(produce("led", -1, batch("a")))
	create := s.receive(createTopics("x"))
	for range 60 {
		s.advance(env.Minute)
		require.False(t, s.exited)
		open := map[string]int{}
		for _, c := range s.calls {
			open[s.links[c.link-1].String()]++
		}
		for to, calls := range open {
			require.Equal(t, 1, calls, "%s has several requests under way", to)
		}
		if s.call("b2/fetcher") != nil {
			s.fetchAnswer("b2")
		}
	}
	require.False(t, s.waits(n), "the produce timed out")
	require.False(t, s.waits(create), "the forwarded request timed out")
}
