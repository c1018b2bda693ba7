package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTable(t *testing.T) {
	all := All()
	if !slices.IsSortedFunc(all, func(a, b *Config) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted")
	}
	for i, c := range all {
		if c.Default != Null {
			if v, err := Parse(c, c.Default); err != nil {
				t.Errorf("default of %s: %v", c.Name, err)
			} else if again, err := Parse(c, v.String()); err != nil || !reflect.DeepEqual(again, v) {
				t.Errorf("default of %s: %v is read back as %v, %v", c.Name, v, again, err)
			}
		}
		if c.Doc == "" || !strings.HasSuffix(c.Doc, ".") || strings.Contains(c.Doc, "\n") || c.Since == "" {
			t.Errorf("%s: since %q, %q", c.Name, c.Since, c.Doc)
		}
		for _, o := range all[:i] {
			if o.Name == c.Name && o.Scope&c.Scope&^marks != 0 {
				t.Errorf("%s of %s is there twice", c.Name, o.Scope&c.Scope)
			}
		}
		if got, ok := Lookup(c.Scope, c.Name); !ok || got != c {
			t.Errorf("looking up %s of %s finds %v", c.Name, c.Scope, got)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		scope Scope
		name  string
		want  string // its default
	}{
		{Topic, "compression.type", "producer"},
		{Producer, "compression.type", "none"},
		{Broker, "compression.type", "producer"},
		{Consumer, "request.timeout.ms", "30000"},
		{Client, "session.timeout.ms", "45000"},
		{Node | Feature, "transaction.version", "2"},
		{Controller, "controller.quorum.election.timeout.ms", "1000"},
	} {
		if got, ok := Lookup(c.scope, c.name); !ok || got.Default != c.want || !got.Is(c.scope) {
			t.Errorf("%s of %s: %+v, want default %s", c.name, c.scope, got, c.want)
		}
	}
	for _, c := range []struct {
		scope Scope
		name  string
	}{{Topic, "acks"}, {Producer, "session.timeout.ms"}, {Dynamic, "compression.type"}, {Topic, ""}, {0, "acks"}} {
		if got, ok := Lookup(c.scope, c.name); ok {
			t.Errorf("%s of %q is %+v", c.name, c.scope, got)
		}
	}
}

// The error for an unknown name must suggest similar names.
func TestFind(t *testing.T) {
	for _, c := range []struct {
		scope      Scope
		name, want string
	}{
		{Topic, "retention.sm", "Unknown topic config name: retention.sm (retention.ms?)"},
		{Topic, "unclean.leader.election", "Unknown topic config name: unclean.leader.election (unclean.leader.election.enable?)"},
		{Topic, "acks", "Unknown topic config name: acks (it is a config of: producer)"},
		{Client, "max.message.bytes", "Unknown producer, consumer, admin config name: max.message.bytes (it is a config of: topic)"},
		{Topic, "colour", "Unknown topic config name: colour"},
		{Producer, "lingers.ms", "Unknown producer config name: lingers.ms (linger.ms?)"},
		{Node, "min.insync.replica", "Unknown broker, controller config name: min.insync.replica (min.insync.replicas?)"},
	} {
		_, err := Find(c.scope, c.name)
		var e *Error
		if !errors.As(err, &e) || err.Error() != c.want || e.Name != c.name {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	list := []string{"produce", "consume", "crash", "clog", "config", "reduce", "expect"}
	for word, want := range map[string][]string{
		"prodcue":                     {"produce"},
		"cutt":                        nil,
		"confg":                       {"config"},
		"crsah":                       {"crash"},
		"roduce":                      {"produce", "reduce"},
		"crash":                       nil,
		"":                            nil,
		strings.Repeat("produce", 20): nil,
	} {
		if got := Nearest(word, list); !slices.Equal(got, want) {
			t.Errorf("%q is near to %v, want %v", word, got, want)
		}
	}
	if got := Nearest("aaaa", []string{"aaab", "aaba", "abaa", "baaa"}); !slices.Equal(got, []string{"aaab", "aaba", "abaa"}) {
		t.Errorf("of equally near ones: %v, want the first three", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"linger.ms", "lingr.ms", 1}, {"acks", "akcs", 1}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[abc]{0,8}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := Distance(a, b)
		if d != Distance(b, a) {
			t.Fatalf("%q to %q is %d, and back it is not", a, b, d)
		}
		if (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a)-len(b), len(b)-len(a)) {
			t.Fatalf("%q to %q is %d", a, b, d)
		}
	})
}

// with sets several configs.
func with(t *testing.T, s *Set, settings ...string) *Set {
	t.Helper()
	for _, x := range settings {
		name, text, _ := strings.Cut(x, "=")
		next, err := s.With(name, text)
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
	return s
}

// The value of a topic config is its own, then that of the broker by the order of synonyms, then the default.
func TestSynonyms(t *testing.T) {
	const ms, hour = Duration(1e6), Duration(3600e9)
	for _, c := range []struct {
		broker, topic []string
		name          string
		want          Duration
		from          Source
	}{
		{nil, nil, "segment.ms", 168 * hour, FromDefault},
		{[]string{"log.roll.hours=2"}, nil, "segment.ms", 2 * hour, FromNode},
		{[]string{"log.roll.ms=5", "log.roll.hours=2"}, nil, "segment.ms", 5 * ms, FromNode},
		{[]string{"log.roll.ms=5"}, []string{"segment.ms=7"}, "segment.ms", 7 * ms, FromOwn},
		{[]string{"log.retention.hours=1", "log.retention.minutes=3"}, nil, "retention.ms", 3 * 60 * 1000 * ms, FromNode},
		{[]string{"log.retention.hours=-1"}, nil, "retention.ms", -1, FromNode},
		{[]string{"log.retention.ms=-1", "log.retention.hours=1"}, nil, "retention.ms", -1, FromNode},
		{[]string{"log.flush.scheduler.interval.ms=9"}, nil, "flush.ms", 9 * ms, FromNode},
		{nil, nil, "flush.ms", 1<<63 - 1, FromDefault},
		{[]string{"log.roll.jitter.hours=1"}, nil, "segment.jitter.ms", hour, FromNode},
	} {
		s := with(t, New(Topic).Over(with(t, New(Node), c.broker...)), c.topic...)
		got := s.Duration(c.name)
		if _, from := s.Get(c.name); got != c.want || from != c.from {
			t.Errorf("broker %v, topic %v: %s is %d from %d, want %d from %d", c.broker, c.topic, c.name, got, from, c.want, c.from)
		}
	}

	broker := with(t, New(Node), "min.insync.replicas=2", "log.cleaner.min.cleanable.ratio=0.25", "group.consumer.session.timeout.ms=50000")
	topic := New(Topic).Over(broker)
	if got := topic.Int("min.insync.replicas"); got != 2 {
		t.Errorf("min.insync.replicas is %d, want the broker's 2", got)
	}
	if got := topic.Permille("min.cleanable.dirty.ratio"); got != 250 {
		t.Errorf("min.cleanable.dirty.ratio is %d, want the broker's 250", got)
	}
	if got := New(Group).Over(broker).Int("consumer.session.timeout.ms"); got != 50000 {
		t.Errorf("consumer.session.timeout.ms is %d, want the broker's 50000", got)
	}
	// The same order applies among the configs of a node.
	if got := with(t, New(Node), "log.roll.hours=3").Duration("log.roll.ms"); got != 3*hour {
		t.Errorf("log.roll.ms is %d, want log.roll.hours", got)
	}
	if got := New(Node).Duration("log.retention.ms"); got != 168*hour {
		t.Errorf("log.retention.ms is %d by default, want 168 h", got)
	}
	// A config that has a default has no further fallback.
	if got := New(Node).Int("log.retention.hours"); got != 168 {
		t.Errorf("log.retention.hours is %d, want 168", got)
	}
}

// The defaults of topics must equal those that result from the defaults of their brokers.
func TestDefaultsAgree(t *testing.T) {
	node := New(Node)
	for _, s := range []Scope{Topic, Group} {
		for _, c := range Of(s) {
			for _, y := range c.Synonyms() {
				v, _ := node.Get(y.Name)
				if got := y.convert(v).String(); got != c.Default && y.Factor == same {
					t.Errorf("%s is %s by default, but the node's %s is %s", c.Name, c.Default, y.Name, got)
				}
			}
		}
	}
}

func TestSet(t *testing.T) {
	s := New(Producer)
	if s.Text("acks") != "all" || s.Bool("enable.idempotence") != true || s.Duration("linger.ms") != 5e6 || !s.IsNull("transactional.id") {
		t.Error("the defaults of a producer are not Kafka's")
	}
	one := with(t, s, "acks=1", "acks= 0 ", "transactional.id=t")
	if one.Text("acks") != "0" || one.Text("transactional.id") != "t" || s.Text("acks") != "all" {
		t.Errorf("acks is %q, and %q in the set it was made from", one.Text("acks"), s.Text("acks"))
	}
	if got := one.Own(); !slices.Equal(got, []string{"acks", "transactional.id"}) {
		t.Errorf("set are %v", got)
	}
	if two := one.Without("acks").Without("retries"); two.Text("acks") != "all" || one.Text("acks") != "0" {
		t.Error("Without changed the wrong set")
	}
	if got := New(Topic).List("cleanup.policy"); !slices.Equal(got, []string{"delete"}) {
		t.Errorf("cleanup.policy is %v", got)
	}
	list := with(t, New(Topic), "cleanup.policy=compact , delete").List("cleanup.policy")
	if !slices.Equal(list, []string{"compact", "delete"}) {
		t.Errorf("cleanup.policy is %v", list)
	}
	if got := New(Node).Duration("offsets.retention.minutes"); got != 7*24*3600e9 {
		t.Errorf("offsets.retention.minutes is %d", got)
	}
	for _, bad := range []string{"acks=2", "aks=1", "linger.ms=-1", "retention.ms=1"} {
		name, text, _ := strings.Cut(bad, "=")
		var e *Error
		if _, err := s.With(name, text); !errors.As(err, &e) || e.Name != name {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for what, f := range map[string]func(){
		"an unknown name": func() { s.Int("lingering.ms") },
		"a wrong type":    func() { s.Bool("linger.ms") },
		"no time":         func() { s.Duration("batch.size") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}

func TestStartDuration(t *testing.T) {
	const hour = Duration(3600e9)
	for text, want := range map[string]Duration{
		"by_duration:PT1H": hour, "by_duration:P2D": 48 * hour, "by_duration:PT0S": 0, "by_duration:P1DT1H1M1.5S": 25*hour + 61500e6,
		"by_duration:PT0.000000001S": 1,
	} {
		if got, ok := StartDuration(text); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "latest", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:1H", "by_duration:P1H", "by_duration:PT1D", "by_duration:PT1M1H",
		"by_duration:PT1.5H", "by_duration:PT1.S5", "by_duration:-PT1H", "by_duration:PT-1H", "by_duration:PTS", "by_duration:PT0.0000000001S",
		"by_duration:P1DT", "by_duration:PT1H1", "by_duration:P200000000D", "by_duration:PT9223372036854775807S", "by_duration:PT1HT1M",
	} {
		if got, ok := StartDuration(text); ok {
			t.Errorf("%s is %d", text, got)
		}
	}
}

func TestReplicasRule(t *testing.T) {
	c, _ := Lookup(Topic, "leader.replication.throttled.replicas")
	for text, ok := range map[string]bool{"*": true, "0:1": true, "0:1,12:3": true, "": true, "0": false, "0:x": false, ":1": false, "*,0:1": false} {
		if _, err := Parse(c, text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParse checks that no text makes any config panic, and that a printed value is read as the same value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "true", "a, b", "0.5", ".", "-.", "by_duration:P1DT2.5S", "by_duration:PT1.", "0:1,*", "９", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range table {
			v, err := Parse(c, text)
			if err != nil {
				continue
			}
			if again, err := Parse(c, v.String()); err != nil || again.String() != v.String() {
				t.Fatalf("%s=%q is %s, which is read as %s, %v", c.Name, text, v, again, err)
			}
		}
	})
}
