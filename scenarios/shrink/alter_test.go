package shrink

import (
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/sim/env"
)

// A scenario with another seed and settings in its lines runs as the original runs with the flags for them.
func TestAltered(t *testing.T) {
	src := "# A story.\ncluster brokers=3 controllers=1 seed=3 broker.session.timeout.ms=5000\ntopic orders on=1,2,3 min.insync.replicas=2\n" +
		"produce p1 orders-0 a b acks=1\nproduce p1 orders-0 c\ncrash b1\nconfig topic orders retention.ms=86400000\nproduce p2 orders-0 d\nexpect acked-durable held\n"
	p, err := scenarios.Load("mine", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(1) << 63
	set := []scenarios.Setting{{Name: "acks", Value: "all"}, {Name: "min.insync.replicas", Value: "1"}, {Name: "broker.session.timeout.ms", Value: "2000"}, {Name: "retention.ms", Value: "100000"}}
	text := string(Altered(p, &seed, set))
	want := "cluster brokers=3 controllers=1 min.insync.replicas=1 broker.session.timeout.ms=2000 seed=9223372036854775808\n" +
		"topic orders on=1,2,3 min.insync.replicas=1 retention.ms=100000\nproduce p1 orders-0 a b acks=all\nproduce p1 orders-0 c\ncrash b1\n" +
		"config topic orders retention.ms=86400000\nproduce p2 orders-0 d acks=all\n"
	if text != want {
		t.Errorf("got\n%swanted\n%s", text, want)
	}
	altered, err := scenarios.Load("altered", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	run := func(p *scenarios.Program, o scenarios.RunOptions) (uint64, env.Duration) {
		s := scenarios.New(p, o)
		defer s.Close()
		v, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return v.Hash, v.Time
	}
	hash, time := run(p, scenarios.RunOptions{Seed: &seed, Set: set})
	if got, at := run(altered, scenarios.RunOptions{}); got != hash || at != time {
		t.Errorf("it runs with hash %x until %d, with flags %x until %d", got, at, hash, time)
	}
	if same := string(Altered(p, nil, nil)); !strings.Contains(same, "seed=3 ") || strings.Contains(same, "expect") {
		t.Errorf("without flags it is\n%s", same)
	}
}
