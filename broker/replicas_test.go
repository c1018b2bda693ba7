package broker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/controller/image"
	"samsa/wire"
)

// The kinds of a part are at or above its base, and below the base of the next part.
func TestKindsFindTheirPart(t *testing.T) {
	for _, tc := range []struct {
		part  string
		base  uint16
		kinds []uint16
	}{
		{"lifecycle", lifecycleKinds, []uint16{timNext, timResend, timGiveUp, timUnfenced, timShutdown, tokRegister, tokHeartbeat}},
		{"observer", observerKinds, []uint16{timMetadata, tokMetadata}},
		{"fetchers", fetcherKinds, []uint16{timFetch, tokFetch, tokOffset}},
		{"isr", isrKinds, []uint16{timISR, timAlter, tokAlter}},
		{"forwarder", forwarderKinds, []uint16{timForward, tokForward}},
		{"purgatory", purgatoryKinds, []uint16{timProduce, timFetchWait, timDeletion}},
		{"logs", logKinds, []uint16{timFlush, timFiles, timRemove, timDiscarded, timCheckpoint, timRecovery, timRetention, timProducers, timFlushDue}},
	} {
		for _, k := range tc.kinds {
			require.Equal(t, tc.base, k&baseOf, "%s: kind %#x", tc.part, k)
		}
	}
}

// takeTouched returns a touched replica once, in order of the first touch; a later touch is for the next call.
func TestTouch(t *testing.T) {
	table := newReplicaTable(&Config{}, registry{image.New()})
	a, b := &replica{index: 0}, &replica{index: 1}
	table.touch(b)
	table.touch(a)
	table.touch(b)
	require.Equal(t, []*replica{b, a}, table.takeTouched())
	require.Empty(t, table.takeTouched())
	table.touch(a)
	require.Equal(t, []*replica{a}, table.takeTouched())
}

// registry looks up brokers in the image.
func TestRegistry(t *testing.T) {
	m := image.New()
	for id, r := range map[wire.NodeID]*wire.RegisterBrokerRecord{1: {}, 2: {Fenced: true}, 3: {InControlledShutdown: true}} {
		r.BrokerID, r.BrokerEpoch = id, 10+wire.BrokerEpoch(id)
		m.Apply(r)
	}
	for _, tc := range []struct {
		what       string
		id         wire.NodeID
		registered wire.BrokerEpoch
		inService  bool
	}{
		{"active", 1, 11, true}, {"fenced", 2, -1, false}, {"in controlled shutdown", 3, 13, false}, {"unknown", 4, -1, false},
	} {
		require.Equal(t, tc.registered, registry{m}.Registered(tc.id), tc.what)
		require.Equal(t, tc.inService, registry{m}.InService(tc.id), tc.what)
	}
}
