package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Plan is a run before it runs: the cluster and every line, in order of time.
//
//	cluster ... seed=N noise=N          who there is, and how long their timeouts are
//	at TIME fault                       some faults already hit the boot
//	topic ...
//	at TIME send, consume, config       the workload
//	at TIME fault, at TIME its end
//	run until time T                    the faults are over: mend all, start all
//	crash, cut who is not of the core   in some plans: the others must do without them
//	run until quiet [of CORE]           it must come to rest
//	start, heal who was away            in some of those, and it must come to rest again
//	drain ...                           every partition, to its end
type Plan struct {
	Seed    uint64
	Profile Profile // Compressed or Kafka
	Rules   []string

	brokers, controllers int
	topics               []topic
	producers            []string // names of the clients
	consumers            []string
	values               int // records sent so far, which numbers them
	rough                bool
	families             []string // that may strike
	operations           []string // kinds of what operators may do
	time                 timing
	heal                 int     // when the faults end
	early, lines         []timed // before and behind the topics
	core                 core    // who must come to rest alone
	locks                bool    // operators may leave a partition without anybody who is allowed to lead it
	rots                 bool    // something may be gone for good: no rest is owed
}

// timed is one line of a file with its time in milliseconds.
type timed struct {
	at   int
	text string
}

// topic is one topic of a plan.
type topic struct {
	name                 string
	partitions, replicas int
	settings             []setting
	unclean              bool

	made, gone int // when it is made and deleted last, both 0 if it is there from before the workload to the end
	grows      int // when it is given more partitions, 0 if never
	grown      int // how many it has then
}

// topicNames are the names of topics: of those that are made before the workload begins, in this order, and then of those
// that come and go.
var topicNames = [...]string{"orders", "payments", "audit", "returns"}

// lasting is how many of the names are of the first kind.
const lasting = 2

// maxControllers caps the size of a drawn quorum.
const maxControllers = 5

// Draw makes a seed's plan.
func Draw(seed uint64, profile Profile) *Plan {
	d := die{seed}
	p := &Plan{Seed: seed, Profile: profile.of(d)}
	p.time = timingOf(p.Profile, d)
	p.heal = p.time.boot + p.time.phase
	p.brokers = pick(d, "brokers", 0, 1, 2, 3, 3, 3, 3, 4, 5)
	p.controllers = min(pick(d, "controllers", 0, 1, 1, 2, 3, 3, 3, 4, 5), maxControllers)
	for i := range pick(d, "topics", 0, 1, 1, 1, 2) {
		p.topics = append(p.topics, p.newTopic(d, i))
	}
	p.drawOperations(d) // they make topics, so the lines that name those come behind them
	p.drawWorkload(d)
	p.drawFaults(d)
	for _, lines := range [][]timed{p.early, p.lines} {
		slices.SortStableFunc(lines, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	}
	return p
}

// newTopic chooses what the topic of a name is like.
func (p *Plan) newTopic(d die, name int) topic {
	n := int32(name)
	t := topic{name: topicNames[name], partitions: pick(d, "partitions", n, 1, 1, 2, 3)}
	t.replicas = min(p.brokers, pick(d, "replicas", n, 1, 2, 3, 3, 3, 3, 5))
	least := max(1, t.replicas-pick(d, "min.isr", n, 1, 1, 1, 0, 2))
	t.settings = []setting{{"min.insync.replicas", least}}
	if p.Profile == Compressed {
		t.settings = append(t.settings, setting{"internal.segment.bytes", pick(d, "segment", n, 4096, 4096, 1024, 16384)},
			setting{"index.interval.bytes", pick(d, "index", n, 512, 128, 4096)})
	}
	if p.time.retains {
		t.settings = append(t.settings, p.retention(d, n)...)
	}
	t.unclean = d.odds("unclean", n, 100)
	return t
}

// retention is how little a topic keeps.
func (p *Plan) retention(d die, n int32) (all []setting) {
	if bytes := pick(d, "retention.bytes", n, 0, 1500, 4000, 12_000); bytes > 0 {
		all = append(all, setting{"retention.bytes", bytes})
	}
	if age := pick(d, "retention.ms", n, 0, 0, p.time.phase/4, p.time.phase); age > 0 {
		all = append(all, setting{"retention.ms", age})
	}
	return append(all, setting{"file.delete.delay.ms", pick(d, "delete.delay", n, 1, 100, 1000)})
}

// words is a topic as the words that make it.
func (t *topic) words() string {
	s := fmt.Sprintf("topic %s partitions=%d replicas=%d%s", t.name, t.partitions, t.replicas, list(t.settings))
	if t.unclean {
		s += " unclean.leader.election.enable=true"
	}
	return s
}

// partition is a partition for a decision about a time: of a topic that has been made by then, rarely of one that is gone.
func (p *Plan) partition(d die, site string, n int32, at int) string {
	var here []*topic
	for i := range p.topics {
		t := &p.topics[i]
		if t.made <= at && (t.gone == 0 || at < t.gone || d.odds(site+".gone", n, 200)) {
			here = append(here, t)
		}
	}
	if len(here) == 0 {
		here = append(here, &p.topics[0])
	}
	t := here[d.roll(site+".topic", n, len(here))]
	partitions := t.partitions
	if t.grows > 0 && at > t.grows {
		partitions = max(partitions, t.grown)
	}
	return fmt.Sprintf("%s-%d", t.name, d.roll(site+".partition", n, partitions))
}

// at adds a line.
func (p *Plan) at(when int, format string, args ...any) {
	p.lines = append(p.lines, timed{when, fmt.Sprintf(format, args...)})
}

// during is a time in the part in which faults happen.
func (p *Plan) during(d die, site string, n int32) int {
	return p.time.boot + d.roll(site, n, p.time.phase)
}

// Text is the plan as a scenario file.
func (p *Plan) Text() string {
	var b strings.Builder
	p.story(&b)
	fmt.Fprintf(&b, "cluster brokers=%d controllers=%d seed=%d", p.brokers, p.controllers, p.Seed)
	if p.rough {
		b.WriteString(" noise=rough")
	}
	for _, s := range p.time.nodes {
		b.WriteString(" " + s.String())
	}
	b.WriteString("\n")
	write := func(lines []timed) {
		for _, l := range lines {
			fmt.Fprintf(&b, "at %s %s\n", ms(l.at), l.text)
		}
	}
	write(p.early)
	if n := len(p.early); n > 0 { // a topic that is made with too few brokers is refused; and who was told to stop is down now
		over := p.early[n-1].at
		fmt.Fprintf(&b, "run until time %s\nstart %s\n", ms(over+(p.time.boot-over)/2), p.nodes())
	}
	for _, t := range p.topics {
		if t.made == 0 {
			b.WriteString(t.words() + "\n")
		}
	}
	b.WriteString("\n")
	write(p.lines)
	p.mend(&b)
	return b.String()
}

// has says whether a line with these words was ordered.
func (p *Plan) has(words string) bool {
	return slices.ContainsFunc(slices.Concat(p.early, p.lines), func(l timed) bool { return strings.Contains(l.text, words) })
}

// nodes are brokers and controllers as a word of a scenario.
func (p *Plan) nodes() string { return "brokers,controllers" }

// names are b1 to bn.
func names(letter string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%d", letter, i+1)
	}
	return all
}

// list is settings as words.
func list(settings []setting) string {
	s := ""
	for _, x := range settings {
		s += " " + x.String()
	}
	return s
}
