package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Plan holds the cluster and all lines of a run, in order of time.
//
//	rule ID                                the old rules
//	cluster ... seed=N noise=N             the machines and their timeouts
//	at TIME fault                          some faults already hit the boot
//	topic ...
//	at TIME send, consume, config          the workload
//	at TIME fault, at TIME its end
//	run until time T                       then end all faults and start all machines
//	crash, cut machines outside the core   in some plans: the core must become quiet alone
//	run until quiet [of CORE]              the cluster must become quiet
//	start, heal those machines             in some of those plans: all must become quiet again
//	drain ...                              every partition, to its end
type Plan struct {
	Seed    uint64
	Profile Profile // Compressed or Kafka
	Rules   []string

	brokers, controllers int
	topics               []topic
	producers            []string // the names of the clients
	consumers            []string
	values               int // the number of records sent so far; the last record has the value "v" with this number
	style                style
	makeup               makeup
	focus                string // the family or kind that the profile wants, or empty
	lingers              bool   // the cluster stays idle for a while before the last read
	aims                 []aim  // sends that operations ask for
	rough                bool
	families             []string // families of faults in this plan
	operations           []string // kinds of operations in this plan
	time                 timing
	heal                 int    // the time at which the faults end
	early, lines         []Line // lines before the topics, and lines after them until the healing
	ids                  int    // the last ID of a tag
	core                 core   // the machines that must become quiet alone
	locks                bool   // operators may leave a partition without an electable replica
	rots                 bool   // synced bytes may be lost, so the cluster need not become quiet
	needs                Needs  // of a composed plan
}

// topic is one topic of a plan.
type topic struct {
	name                 string
	partitions, replicas int
	settings             []setting
	unclean              bool
	words                []string // the words of the topic's line after its name; nil if the other fields say them

	made, gone int // the times of its last creation and deletion, both 0 if it exists from before the workload to the end
	grows      int // the time at which it gets more partitions, 0 if never
	grown      int // the number of partitions that it has after that time
}

// topicNames are the names of topics: first those that exist before the workload, then those that are created and deleted
// during it.
var topicNames = [...]string{"orders", "payments", "audit", "returns"}

// lasting is the number of names for topics that exist before the workload.
const lasting = 2

// maxControllers bounds the size of a drawn quorum.
const maxControllers = 5

// Draw draws the plan of a seed.
func Draw(seed uint64, profile Profile) *Plan {
	d := draws{seed}
	p := &Plan{Seed: seed, Profile: profile.of(d)}
	p.time = timingOf(p.Profile, d)
	p.heal = p.time.boot + p.time.phase
	p.brokers = pick(d, "brokers", 0, 1, 2, 3, 3, 3, 3, 4, 5)
	p.controllers = min(pick(d, "controllers", 0, 1, 1, 2, 3, 3, 3, 4, 5), maxControllers)
	if profile != p.Profile && profile != Mixed {
		p.focus = string(profile)
	}
	p.style, p.lingers = styleOf(d), d.chance("lingers", 0, 120)
	p.drawMakeup(d)
	for i := range pick(d, "topics", 0, 1, 1, 1, 2) {
		p.topics = append(p.topics, p.newTopic(d, i))
	}
	p.drawOperations(d) // first, because operations make topics that the workload names
	p.drawWorkload(d)
	p.drawFaults(d)
	for _, lines := range [][]Line{p.early, p.lines} {
		slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	}
	return p
}

// newTopic draws the properties of a topic.
func (p *Plan) newTopic(d draws, name int) topic {
	n := int32(name)
	t := topic{name: topicNames[name], partitions: pick(d, "partitions", n, 1, 1, 2, 3)}
	if p.style.busy { // so that quiet partitions wait beside the busy one in the fetches of a follower
		t.partitions = pick(d, "partitions.busy", n, 3, 3, 4, 6)
	}
	t.replicas = min(p.brokers, pick(d, "replicas", n, 1, 2, 3, 3, 3, 3, 5))
	least := max(1, t.replicas-pick(d, "min.isr", n, 1, 1, 1, 0, 2))
	if !p.makeup.shared {
		t.settings = []setting{{"min.insync.replicas", least}}
	}
	if p.Profile == Compressed {
		t.settings = append(t.settings, setting{"internal.segment.bytes", pick(d, "segment", n, 4096, 4096, 1024, 16384)},
			setting{"index.interval.bytes", pick(d, "index", n, 512, 128, 4096, 512, 128, 1)})
	}
	if p.time.retains {
		t.settings = append(t.settings, retention(d, n, p.time.phase)...)
	}
	t.unclean = d.chance("unclean", n, 100)
	return t
}

// retention draws a topic's retention configs.
func retention(d draws, n int32, phase int) (all []setting) {
	if bytes := pick(d, "retention.bytes", n, 0, 1500, 4000, 12_000); bytes > 0 {
		all = append(all, setting{"retention.bytes", bytes})
	}
	if age := pick(d, "retention.ms", n, 0, 0, phase/4, phase); age > 0 {
		all = append(all, setting{"retention.ms", age})
	}
	return append(all, setting{"file.delete.delay.ms", pick(d, "delete.delay", n, 1, 100, 1000)})
}

// Drawn returns the families of faults and the kinds of operations that the plan may have.
func (p *Plan) Drawn() []string { return slices.Concat(p.families, p.operations) }

// making returns the line that creates a topic.
func (t *topic) making(tag Tag) Line {
	if t.words != nil {
		l := newLine(tag, "topic", topicName(t.name))
		l.Args = append(l.Args, t.words...)
		return l
	}
	l := newLine(tag, "topic", topicName(t.name), setting{"partitions", t.partitions}, setting{"replicas", t.replicas}, t.settings)
	if t.unclean {
		l.add(words{uncleanConfig + "=true"})
	}
	return l
}

// partition draws a partition for a line at a given time. Its topic has been created by then and, except in a few draws, has
// not been deleted.
func (p *Plan) partition(d draws, site string, n int32, at int) partition {
	var here []*topic
	for i := range p.topics {
		t := &p.topics[i]
		if t.made <= at && (t.gone == 0 || at < t.gone || d.chance(site+".gone", n, 200)) {
			here = append(here, t)
		}
	}
	if len(here) == 0 {
		here = append(here, &p.topics[0])
	}
	t := here[d.intn(site+".topic", n, len(here))]
	partitions := t.partitions
	if t.grows > 0 && at > t.grows {
		partitions = max(partitions, t.grown)
	}
	return partition{t.name, d.intn(site+".partition", n, partitions)}
}

// tag returns a new tag for the lines of one fault or operation.
func (p *Plan) tag(family string) Tag {
	p.ids++
	return Tag{Family: family, ID: p.ids}
}

// at adds a timed line to the Serving part.
func (p *Plan) at(when int, l Line) {
	l.Part, l.Timed, l.At = Serving, true, when
	p.lines = append(p.lines, l)
}

// order adds a line of a fault or an operation, unless its time is after the start of the healing.
func (p *Plan) order(when int, tag Tag, verb string, args ...any) {
	if when < p.heal {
		p.at(when, newLine(tag, verb, args...))
	}
}

// during draws a time in the part with faults.
func (p *Plan) during(d draws, site string, n int32) int {
	return p.time.boot + d.intn(site, n, p.time.phase)
}

// Lines returns all lines of the plan, in the order of its file.
func (p *Plan) Lines() []Line { return slices.Concat(p.booting(), p.lines, p.healing()) }

// booting returns the lines before the workload.
func (p *Plan) booting() (all []Line) {
	for _, id := range p.Rules {
		all = append(all, newLine(Tag{}, "rule", id))
	}
	cluster := newLine(Tag{}, "cluster", setting{"brokers", p.brokers}, setting{"controllers", p.controllers}, fmt.Sprintf("seed=%d", p.Seed))
	if p.rough {
		cluster.add(words{"noise=rough"})
	}
	cluster.add(words{p.makeup.settings, p.time.nodes})
	all = slices.Concat(append(all, cluster), p.makeup.properties, p.early)
	if n := len(p.early); n > 0 { // wait until the topics have enough brokers and no machine is still stopping
		over := p.early[n-1].At
		all = append(all, newLine(Tag{}, "run", "until", "time", span(over+(p.time.boot-over)/2)), newLine(Tag{}, "start", nodes))
	}
	for _, t := range p.topics {
		if t.made == 0 {
			all = append(all, t.making(Tag{}))
		}
	}
	return all
}

// Text returns the plan as a scenario file.
func (p *Plan) Text() string {
	var b strings.Builder
	p.story(&b)
	part := Boot
	for _, l := range p.Lines() {
		if l.Part != part {
			part = l.Part
			b.WriteString("\n")
		}
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// effects returns the lasting effects of the lines before the healing.
func (p *Plan) effects() (e effect) {
	for _, l := range slices.Concat(p.early, p.lines) {
		e |= l.effects()
	}
	return e
}

// nodes is the word of a scenario for all brokers and controllers.
const nodes host = "brokers,controllers"

// names returns names such as b1 to bn.
func names(letter string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%d", letter, i+1)
	}
	return all
}
