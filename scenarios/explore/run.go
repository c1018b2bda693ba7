package explore

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios"
)

// Options apply to all runs of a campaign.
type Options struct {
	Profile Profile // "" is Mixed
	Rules   []string
	Mode    scenarios.Mode
	Events  uint64 // the budget of a run; 0 is a million
	// Judge looks at a run that has ended and adds failures of its own; nil adds none. Tests plant flaws with it.
	Judge func(*scenarios.Session) []Failure
}

// budget is how many events a run may have. Ten thousand are usual; a run at Kafka's timeouts may have some hundred
// thousand. Past the budget something spins.
const budget = 1_000_000

// Verdict is how one seed ended.
type Verdict string

const (
	Held     Verdict = "held"     // every promise was kept; a price is no violation
	Violated Verdict = "violated" // a promise was broken
	Stuck    Verdict = "stuck"    // no promise was broken, and the cluster did not come to rest in time
	Unknown  Verdict = "unknown"  // the budget was spent; that a judge cannot decide stands in its own row
	Internal Verdict = "internal" // a panic, or a message that was changed after it was sent: a bug of ours
)

// verdicts are all of them, as a report lists them.
var verdicts = [...]Verdict{Held, Violated, Stuck, Unknown, Internal}

// Failure is one thing that went wrong, and what makes two of them the same.
type Failure struct {
	Verdict Verdict // Violated, Stuck, Unknown or Internal
	Check   string  // the judge, or "quiet", "budget", "panic", "unsound"
	Text    string  // what was found
}

// Fingerprint is the failure without what differs from seed to seed: check and key facts.
func (f Failure) Fingerprint() string { return f.Check + ": " + facts(f.Text) }

// facts replaces numbers by N and quoted values by "…".
func facts(s string) string {
	var b strings.Builder
	for _, t := range topicNames {
		s = strings.ReplaceAll(strings.ReplaceAll(s, t+"-", "topic-"), t+" (", "topic (")
	}
	digits, quoted := false, false
	for _, r := range s {
		switch {
		case r == '"':
			if quoted = !quoted; quoted {
				b.WriteString(`"…"`)
			}
			digits = false
		case quoted:
		case r >= '0' && r <= '9':
			if !digits {
				b.WriteByte('N')
			}
			digits = true
		default:
			digits = false
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Result is one seed's run.
type Result struct {
	Seed     uint64
	Profile  Profile
	Verdict  Verdict
	Failures []Failure
	Text     string // the scenario file; only of a run that failed
	Checks   []Judged
	Priced   bool
	Core     Core
	Tally    scenarios.Tally
	Events   uint64
	Time     int64 // virtual nanoseconds
	Hash     uint64
	Shape    uint64 // the hash without names
}

// Judged is the answer of one judge.
type Judged struct{ Check, Status string }

// Run explores one seed. A panic of a node is the result of that seed.
func Run(seed uint64, o Options) (r Result) {
	p := Draw(seed, o.Profile)
	p.Rules = o.Rules
	if o.Events == 0 {
		o.Events = budget
	}
	text := p.Text()
	r = Result{Seed: seed, Profile: p.Profile, Core: p.core.kind()}
	defer func() {
		if bad := recover(); bad != nil {
			r.Failures = append(r.Failures, Failure{Internal, "panic", fmt.Sprint(bad)})
		}
		r.finish(text)
	}()
	program, err := scenarios.Load(fmt.Sprintf("seed-%d.txt", seed), []byte(text))
	if err != nil {
		panic("explore: a plan that cannot be read: " + err.Error())
	}
	s := scenarios.New(program, scenarios.RunOptions{Rules: o.Rules, Mode: o.Mode, Events: o.Events})
	v, err := s.Finish()
	if err != nil {
		panic("explore: a plan that cannot be run: " + err.Error())
	}
	r.look(s, v)
	if o.Judge != nil {
		r.Failures = append(r.Failures, o.Judge(s)...)
	}
	return r
}

// look reads the result off a session that has ended.
func (r *Result) look(s *scenarios.Session, v *scenarios.Verdict) {
	r.Tally, r.Events, r.Time, r.Hash, r.Shape = s.Tally(), v.Events, int64(v.Time), v.Hash, v.Shape
	for _, f := range v.Findings {
		status := f.Status.String()
		r.Checks = append(r.Checks, Judged{f.Check.Name, status})
		switch status {
		case "violated":
			r.Failures = append(r.Failures, Failure{Violated, f.Check.Name, f.Explanation})
		case "priced":
			r.Priced = true
		}
	}
	if v.Unsound != nil {
		r.Failures = append(r.Failures, Failure{Internal, "unsound", v.Unsound.Error()})
	}
	switch v.Reason {
	case scenarios.NotStopped:
	case scenarios.StopBudget:
		r.Failures = append(r.Failures, Failure{Unknown, "budget", v.Stopped + "; " + unrest(s)})
	default:
		r.Failures = append(r.Failures, Failure{Stuck, "quiet", unrest(s)})
	}
}

// finish sets the verdict, which is that of the worst failure.
func (r *Result) finish(text string) {
	r.Verdict = Held
	for _, worse := range []Verdict{Unknown, Stuck, Violated, Internal} {
		if slices.ContainsFunc(r.Failures, func(f Failure) bool { return f.Verdict == worse }) {
			r.Verdict = worse
		}
	}
	if r.Verdict != Held {
		r.Text = text
	}
}

// unrest says what keeps a cluster from rest: the key facts of a run that is stuck.
func unrest(s *scenarios.Session) string {
	c := s.Cluster()
	if c == nil {
		return "there is no cluster"
	}
	var why []string
	add := func(format string, args ...any) {
		if what := fmt.Sprintf(format, args...); !slices.Contains(why, what) {
			why = append(why, what)
		}
	}
	for _, m := range c.Machines() {
		switch {
		case m.Up && m.Fenced:
			add("broker %d is fenced", m.Node)
		case !m.Up && m.Role != "client":
			add("%s %d is down", m.Role, m.Node)
		}
	}
	for _, tp := range s.Program().Partitions() {
		p, ok := c.Partition(tp)
		if !ok {
			add("%s does not exist", tp)
			continue
		}
		led := false
		for _, r := range p.Replicas {
			led = led || r.Leads && r.Node == p.Leader
			if !r.Up || r.Node == p.Leader {
				continue
			}
			switch {
			case r.Epoch != p.Epoch:
				add("a follower is in another epoch")
			case r.End != p.End:
				add("a follower's log ends elsewhere")
			case !slices.Contains(p.ISR, r.Node):
				add("a follower is not in sync")
			case r.HW != p.End:
				add("a follower's high watermark is behind")
			}
		}
		switch {
		case !led:
			add("nobody leads a partition")
		case p.HW != p.End:
			add("the high watermark is behind")
		}
	}
	for _, who := range s.Waiting() {
		add("%s waits for an answer", who)
	}
	if len(why) == 0 {
		return "all replicas agree, and a broker is not idle"
	}
	return strings.Join(why, "; ")
}
