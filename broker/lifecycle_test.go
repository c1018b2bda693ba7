package broker_test

import (
	"slices"
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
	const again, heartbeat = "c1/heartbeat BrokerRegistration previous -1", "c1/heartbeat BrokerHeartbeat epoch 7 offset -1 fence"
	for _, tc := range []struct {
		name   string
		answer *kerr.Error
		after  env.Duration // when the next request is sent
		want   []string
	}{
		{"registered", nil, 0, []string{heartbeat}},
		{"another controller is active", kerr.NotController, 100 * env.Millisecond, []string{again}},
		{"duplicate", kerr.DuplicateBrokerRegistration, 2 * env.Second, []string{"note broker.duplicate", again}},
		{"another cluster", kerr.InconsistentClusterID, 2 * env.Second, []string{again}},
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
			s.later("heartbeat", tc.after)
			s.expect(tc.want...)
		})
	}
}

// later lets time pass until a request is sent after exactly this time. The metadata fetches are answered meanwhile, because
// the broker would otherwise switch to another controller.
func (s *solo) later(to string, after env.Duration) {
	s.t.Helper()
	for waited := env.Duration(0); waited < after; {
		require.Nil(s.t, s.call(to), "too early")
		step := min(100*env.Millisecond, after-waited)
		if step == after-waited && step > 1 {
			step--
		}
		s.advance(step)
		if waited += step; s.call("raft") != nil && s.now.Sub(s.call("raft").sent) >= 100*env.Millisecond {
			s.publish()
		}
	}
	s.advance(0)
	require.NotNil(s.t, s.call(to), "too late")
}

// A refused request is sent again after a heartbeat's interval. A lost one is sent again after 100 ms, until the interval is over
// since its first attempt; then it counts as failed, and the next one is sent after another interval (KAFKA-19294).
func TestRequestsAreSentAgain(t *testing.T) {
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
		{"refused", refuse, []env.Duration{2000, 2000, 2000}},
		{"lost", lose, append(slices.Repeat([]env.Duration{100}, 20), 2000, 100)},
	} {
		s := newSolo(t)
		s.start()
		for i, want := range tc.want {
			tc.fails(s)
			began := s.now
			for s.call("heartbeat") == nil {
				s.advance(env.Millisecond)
				if c := s.call("raft"); c == nil || s.now.Sub(c.sent) > env.Second {
					s.publish()
				}
			}
			require.Equal(t, want, s.now.Sub(began)/env.Millisecond, "%s, attempt %d", tc.name, i+1)
		}
	}
}

// A controller that does not answer has an attempt's timeout and no more, and the heartbeat is then sent after another interval.
func TestASilentControllerCostsTwoIntervals(t *testing.T) {
	s := newSolo(t)
	s.start()
	began := s.call("heartbeat").sent
	for sent := began; sent == began; {
		s.advance(env.Millisecond)
		if c := s.call("raft"); c == nil || s.now.Sub(c.sent) > env.Second {
			s.publish()
		}
		if c := s.call("heartbeat"); c != nil {
			sent = c.sent
		}
	}
	require.Equal(t, 4*env.Second, s.now.Sub(began))
}

// This test checks a running broker's reaction to each response to its heartbeat. No response makes it register again.
func TestHeartbeatAnswers(t *testing.T) {
	const heartbeat = "c1/heartbeat BrokerHeartbeat epoch 2 offset 2"
	for _, tc := range []struct {
		name   string
		answer kmsg.BrokerHeartbeatResponse
		after  env.Duration
	}{
		{"fenced", kmsg.BrokerHeartbeatResponse{IsFenced: true}, 2 * env.Second},
		{"unfenced", kmsg.BrokerHeartbeatResponse{}, 2 * env.Second},
		{"another controller is active", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.NotController.Code}, 100 * env.Millisecond},
		{"any other error", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.UnknownServerError.Code}, 2 * env.Second},
		{"another incarnation is registered", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.StaleBrokerEpoch.Code}, 2 * env.Second},
		{"not registered", kmsg.BrokerHeartbeatResponse{ErrorCode: kerr.BrokerIDNotRegistered.Code}, 2 * env.Second},
		{"asked to end, but it never wanted to", kmsg.BrokerHeartbeatResponse{ShouldShutdown: true}, 2 * env.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSolo(t)
			s.boot()
			s.auto = false
			s.later("heartbeat", 2*env.Second)
			s.lines = nil
			answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
				version := resp.Version
				*resp = tc.answer
				resp.Version = version
			})
			s.later("heartbeat", tc.after)
			s.expect(heartbeat)
		})
	}
}

// A broker asks to stay fenced until a response says that it has applied its registration. It asks every 10 ms.
func TestAStartingBrokerWaitsForItsRegistration(t *testing.T) {
	s := newSolo(t)
	s.start()
	s.register(2)
	for _, caughtUp := range []bool{false, false, true} {
		s.later("heartbeat", 0)
		require.True(t, s.call("heartbeat").req.(*kmsg.BrokerHeartbeatRequest).WantFence)
		answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
			resp.IsFenced, resp.IsCaughtUp = true, caughtUp
		})
		s.later("heartbeat", 10*env.Millisecond)
	}
	require.False(t, s.call("heartbeat").req.(*kmsg.BrokerHeartbeatRequest).WantFence)
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
	s.catchUp()
	require.True(t, s.waits(first), "it has caught up, and is fenced")
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

// The heartbeat that asks for a controlled shutdown is sent at once. It is repeated until the controller agrees, the first time
// after 50 ms.
func TestControlledShutdown(t *testing.T) {
	const asks = "c1/heartbeat BrokerHeartbeat epoch 2 offset 2 shutdown"
	s := newSolo(t)
	s.boot()
	s.auto = false
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.advance(0)
	s.expect(asks)
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.expect()
	s.unfence()
	s.later("heartbeat", 50*env.Millisecond)
	s.expect(asks)
	s.unfence()
	s.later("heartbeat", 2*env.Second)
	s.expect(asks)
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) { resp.ShouldShutdown = true })
	s.expect("exit")
	require.NoError(t, s.reason)

	s.renew()
	s.start()
	s.expect("c1/heartbeat BrokerRegistration previous 2")
}

// A stop while a heartbeat is under way sends the next one as soon as that one has a result.
func TestAStopDuringAHeartbeat(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.auto = false
	s.later("heartbeat", 2*env.Second)
	s.lines = nil
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.advance(0)
	s.expect()
	s.unfence()
	s.later("heartbeat", 0)
	s.expect("c1/heartbeat BrokerHeartbeat epoch 2 offset 2 shutdown")
}

// Without a controller a broker ends by itself after five minutes, cleanly. With controlled.shutdown.enable=false it asks none.
func TestAStopWithoutAController(t *testing.T) {
	s := newSolo(t)
	s.boot()
	s.auto = false
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.advance(5*env.Minute - 1)
	require.False(t, s.exited)
	s.advance(1)
	require.True(t, s.exited)
	require.NoError(t, s.reason)
	s.renew()
	s.start()
	s.expect("c1/heartbeat BrokerRegistration previous 2")

	s = newSolo(t, "controlled.shutdown.enable=false")
	s.boot()
	s.lines = nil
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.expect("exit")
}

// A broker that the controller has registered but not unfenced yet leads nothing, so it asks for no controlled shutdown.
func TestStopBeforeTheFirstUnfencingEndsAtOnce(t *testing.T) {
	s := newSolo(t)
	s.start()
	s.register(2)
	s.lines = nil
	s.event(func(e env.Env) { s.b.Stop(e) })
	s.expect("exit")
	require.NoError(t, s.reason)
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
