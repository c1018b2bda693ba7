package broker_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim/disk"
	"samsa/sim/env"
)

// This test checks the broker's reaction to each response to its registration, and its wait before the next attempt.
func TestRegistrationAnswers(t *testing.T) {
	const again, heartbeat = "c1/heartbeat BrokerRegistration previous -1", "c1/heartbeat BrokerHeartbeat epoch 7 offset -1"
	for _, tc := range []struct {
		name   string
		answer *kerr.Error
		after  env.Duration // when the next request is sent
		want   []string
	}{
		{"registered", nil, 0, []string{heartbeat}},
		{"another controller is active", kerr.NotController, 100 * env.Millisecond, []string{again}},
		{"duplicate", kerr.DuplicateBrokerRegistration, 98 * env.Millisecond, []string{"note broker.duplicate", again}},
		{"another cluster", kerr.InconsistentClusterID, 98 * env.Millisecond, []string{again}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSolo(t)
			s.start()
			s.expect(again)
			answer(s, "heartbeat", func(_ *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse) {
				if resp.BrokerEpoch = 7; tc.answer != nil {
					resp.BrokerEpoch, resp.ErrorCode = -1, tc.answer.Code
				}
			})
			if tc.after > 0 {
				s.advance(tc.after - 1)
				require.Nil(t, s.call("heartbeat"), "too early")
				s.advance(1)
			}
			s.expect(tc.want...)
		})
	}
}

// A refused registration is sent again after a backoff that doubles up to a session. A lost one is always sent again after
// 100 ms.
func TestRegistrationBackoff(t *testing.T) {
	refuse := func(s *solo) {
		answer(s, "heartbeat", func(_ *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse) {
			resp.ErrorCode = kerr.DuplicateBrokerRegistration.Code
		})
	}
	lose := func(s *solo) { s.reset("heartbeat") }
	for _, tc := range []struct {
		name  string
		fails func(*solo)
		want  []env.Duration // milliseconds
	}{
		{"refused", refuse, []env.Duration{98, 196, 392, 784, 1568, 3136, 6272, 9000, 9000}},
		{"lost", lose, []env.Duration{100, 100, 100, 100}},
	} {
		s := newSolo(t)
		s.start()
		for i, want := range tc.want {
			tc.fails(s)
			began := s.now
			for s.call("heartbeat") == nil {
				s.advance(env.Millisecond)
				if c := s.call("raft"); c == nil || s.now.Sub(c.sent) > env.Second {
					s.publish() // otherwise the broker would switch to another controller
				}
			}
			require.Equal(t, want, s.now.Sub(began)/env.Millisecond, "%s, attempt %d", tc.name, i+1)
		}
	}
}

// The backoff starts again at 100 ms after a success.
func TestTheBackoffStartsAgain(t *testing.T) {
	s := newSolo(t)
	s.start()
	for range 3 {
		answer(s, "heartbeat", func(_ *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse) {
			resp.ErrorCode = kerr.DuplicateBrokerRegistration.Code
		})
		s.advance(400 * env.Millisecond)
		s.publish()
	}
	s.register(2)
	for range 2 {
		answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
			resp.ErrorCode = kerr.UnknownServerError.Code
		})
		s.advance(98 * env.Millisecond)
		require.NotNil(t, s.call("heartbeat"))
		answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) { resp.IsFenced = true })
		s.advance(halfSecond)
	}
}

// This test checks the broker's reaction to each response to its heartbeat.
func TestHeartbeatAnswers(t *testing.T) {
	const heartbeat, register = "c1/heartbeat BrokerHeartbeat epoch 2 offset 2", "c1/heartbeat BrokerRegistration previous -1"
	for _, tc := range []struct {
		name   string
		answer kmsg.BrokerHeartbeatResponse
		after  env.Duration
		want   string
	}{
		{"fenced", kmsg.BrokerHeartbeatResponse{IsFenced: true}, 500 * env.Millisecond, heartbeat},
		{"unfenced", kmsg.BrokerHeartbeatResponse{}, 2 * env.Second, heartbeat},
		{"another controller is active", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.NotController.Code}, 100 * env.Millisecond, heartbeat},
		{"any other error", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.UnknownServerError.Code}, 98 * env.Millisecond, heartbeat},
		{"another incarnation is registered", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.StaleBrokerEpoch.Code}, 0, register},
		{"not registered", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.BrokerIDNotRegistered.Code}, 0, register},
		{"asked to end, but it never wanted to", kmsg.BrokerHeartbeatResponse{ShouldShutdown: true}, 2 * env.Second, heartbeat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSolo(t)
			s.start()
			s.publish(s.registration(3), s.registration(2), s.registration(1))
			s.register(2)
			s.lines = nil
			answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
				version := resp.Version
				*resp = tc.answer
				resp.Version = version
			})
			for waited := env.Duration(0); waited < tc.after; waited += halfSecond / 5 {
				require.Nil(t, s.call("heartbeat"), "too early")
				s.advance(min(halfSecond/5, tc.after-waited))
				if s.call("heartbeat") == nil {
					s.publish()
				}
			}
			s.expect(tc.want)
		})
	}
}

// Requests wait until the controller has unfenced this incarnation, and are then served in order. A broker that is fenced
// later goes on serving the requests it has.
func TestRequestsWaitUntilUnfenced(t *testing.T) {
	s := newSolo(t)
	s.start()
	first, second := s.receive(metadata(9)), s.receive(kmsg.NewPtrApiVersionsRequest())
	s.publish(s.registration(3), s.registration(2), s.registration(1))
	s.register(2)
	require.False(t, s.b.Serves())
	require.True(t, s.b.Fenced())
	require.True(t, s.waits(first))
	s.lines = nil
	s.unfence()
	require.True(t, s.waits(first), "the heartbeat's own thread serves no request")
	s.advance(0)
	s.expect("reply 0 Metadata", "reply 1 ApiVersions")
	require.False(t, s.waits(second))
	require.False(t, s.b.Fenced())

	s.advance(env.Second)
	s.publish()
	s.advance(env.Second)
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) { resp.IsFenced = true })
	require.True(t, s.b.Fenced())
	require.False(t, s.waits(s.receive(metadata(9))), "it goes on serving")
}

// The heartbeat that asks for a controlled shutdown is sent at once, and repeated until the controller agrees.
func TestControlledShutdown(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.auto = false
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.advance(0)
	s.expect("c1/heartbeat BrokerHeartbeat epoch 2 offset 2 shutdown")
	s.unfence()
	s.advance(halfSecond)
	s.expect("c1/heartbeat BrokerHeartbeat epoch 2 offset 2 shutdown")
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) { resp.ShouldShutdown = true })
	s.expect("exit")
	require.NoError(t, s.reason)

	s.renew()
	s.start()
	s.expect("c1/heartbeat BrokerRegistration previous 2")
}

func TestStopBeforeTheRegistrationEndsAtOnce(t *testing.T) {
	s := newSolo(t)
	s.start()
	s.lines = nil
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.expect("exit")
	require.NoError(t, s.reason)
}

// Only a clean shutdown leaves a broker epoch on the disk, and only for the next incarnation.
func TestPreviousBrokerEpoch(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.renew() // killed
	s.start()
	s.expect("c1/heartbeat BrokerRegistration previous -1")
}

func TestABrokerGivesUpAfterTheRegistrationTimeout(t *testing.T) {
	s := newSolo(t, "initial.broker.registration.timeout.ms=3000")
	s.start()
	s.lines = nil
	s.advance(3*env.Second - 1)
	require.False(t, s.exited)
	s.advance(1)
	require.True(t, s.exited)
	require.ErrorContains(t, s.reason, "initial.broker.registration.timeout.ms")
	require.Contains(t, s.lines, "note broker.gave-up")

	s = newSolo(t, "initial.broker.registration.timeout.ms=3000")
	s.boot()
	s.advance(4 * env.Second)
	require.False(t, s.exited, "a registered broker goes on")
}

// A disk that fails during the start ends the process before any request is sent.
func TestAStartOnABrokenDiskExits(t *testing.T) {
	s := newSolo(t)
	s.w.Disk("b1").Break("", disk.OnAny)
	s.start()
	s.expect("exit")
	require.Error(t, s.reason)
}

// With the old rule that a broker serves before it is unfenced, the answer comes at once.
func TestServingBeforeUnfenced(t *testing.T) {
	rules := broker.CurrentRules()
	rules.MayServe = func(bool) bool { return true }
	s := newSoloUnder(t, rules)
	s.start()
	require.False(t, s.waits(s.receive(kmsg.NewPtrApiVersionsRequest())))
}
