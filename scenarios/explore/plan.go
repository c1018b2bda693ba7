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
//	run until quiet within REST         it must come to rest
//	consume ...                         every partition, to its end
type Plan struct {
	Seed    uint64
	Profile Profile // Compressed or Kafka
	Rules   []string

	brokers, controllers int
	topics               []topic
	producers            []string // names of the clients
	consumers            []string
	rough                bool
	families             []string // that may strike
	time                 timing
	heal                 int      // when the faults end
	early, lines         []timed  // before and behind the topics
	down                 []string // controllers that stay down until the cluster has come to rest without them
	rots                 bool     // something may be gone for good: no rest is owed
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
}

// topicNames are the names of topics, in the order in which they are made.
var topicNames = [...]string{"orders", "payments"}

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
	p.drawTopics(d)
	p.drawWorkload(d)
	p.drawOperations(d)
	p.drawFaults(d)
	for _, lines := range [][]timed{p.early, p.lines} {
		slices.SortStableFunc(lines, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	}
	return p
}

// drawTopics chooses one or two topics.
func (p *Plan) drawTopics(d die) {
	for i := range pick(d, "topics", 0, 1, 1, 1, 2) {
		n := int32(i)
		t := topic{name: topicNames[i], partitions: pick(d, "partitions", n, 1, 1, 2, 3)}
		t.replicas = min(p.brokers, pick(d, "replicas", n, 1, 2, 3, 3, 3, 3, 5))
		least := max(1, t.replicas-pick(d, "min.isr", n, 1, 1, 1, 0, 2))
		t.settings = []setting{{"min.insync.replicas", least}}
		if p.Profile == Compressed {
			t.settings = append(t.settings, setting{"internal.segment.bytes", pick(d, "segment", n, 4096, 4096, 1024, 16384)},
				setting{"index.interval.bytes", pick(d, "index", n, 512, 128, 4096)})
		}
		t.unclean = d.odds("unclean", n, 100)
		p.topics = append(p.topics, t)
	}
}

// partition is a partition for a decision.
func (p *Plan) partition(d die, site string, n int32) string {
	t := p.topics[d.roll(site+".topic", n, len(p.topics))]
	return fmt.Sprintf("%s-%d", t.name, d.roll(site+".partition", n, t.partitions))
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
		fmt.Fprintf(&b, "topic %s partitions=%d replicas=%d", t.name, t.partitions, t.replicas)
		for _, s := range t.settings {
			b.WriteString(" " + s.String())
		}
		if t.unclean {
			b.WriteString(" unclean.leader.election.enable=true")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	write(p.lines)
	p.mend(&b)
	return b.String()
}

// story is the comment that a file begins with.
func (p *Plan) story(b *strings.Builder) {
	fmt.Fprintf(b, "# Exploration, seed %d: %s timeouts.\n#\n", p.Seed, p.Profile)
	what := "no fault is ordered"
	if len(p.families) > 0 {
		what = "what may strike is " + strings.Join(p.families, ", ")
	}
	fmt.Fprintf(b, "# Until %s %s.\n", ms(p.heal), what)
	b.WriteString("# Then everything is mended and started")
	if len(p.down) > 0 {
		fmt.Fprintf(b, ", all but %s at first", strings.Join(p.down, ","))
	}
	if p.rots {
		b.WriteString(". What a disk has lost for good may keep the cluster from coming to rest.\n")
	} else {
		b.WriteString(", and the cluster must come to rest.\n")
	}
	if len(p.Rules) > 0 {
		fmt.Fprintf(b, "# It was found with --rule %s.\n", strings.Join(p.Rules, " --rule "))
	}
}

// mend ends the faults, waits for rest, and reads everything.
func (p *Plan) mend(b *strings.Builder) {
	fmt.Fprintf(b, "\nrun until time %s\n", ms(p.heal))
	clients := strings.Join(slices.Concat(p.producers, p.consumers), ",")
	nodes := p.nodes()
	for _, m := range [...]struct{ after, line string }{
		{" inside ", "disk " + nodes + " heal"},
		{"disk ", "disk " + nodes + " heal"},
		{"monotonic-drift", "clock " + nodes + " monotonic-drift 0ppm"},
		{" times ", "slow " + nodes + " times 1"},
		{"pause ", "resume " + nodes + "," + clients},
		{" -> ", "heal"},
		{" <-> ", "heal"},
	} {
		if p.has(m.after) && !strings.Contains(b.String(), "\n"+m.line+"\n") {
			b.WriteString(m.line + "\n")
		}
	}
	if p.rough {
		b.WriteString("heal noise\n")
	}
	var up []string
	for _, c := range names("c", p.controllers) {
		if !slices.Contains(p.down, c) {
			up = append(up, c)
		}
	}
	fmt.Fprintf(b, "start %s,brokers,%s\n", strings.Join(up, ","), clients)
	// Who was on the way down when everything was started is down now: a clean shutdown takes its time, and a process that
	// dies inside an event is gone when that is paid.
	if p.has("stop ") || p.has(" inside ") || p.has("disk ") {
		fmt.Fprintf(b, "wait %s\nstart %s,brokers\n", ms(p.time.rest/10), strings.Join(up, ","))
	}
	if p.has("config topic") {
		p.unlock(b)
	}
	rest := func() {
		if p.rots {
			fmt.Fprintf(b, "wait %s\n", ms(p.time.rest/4))
		} else {
			fmt.Fprintf(b, "run until quiet within %s\n", ms(p.time.rest))
		}
	}
	if len(p.down) > 0 {
		rest()
		fmt.Fprintf(b, "start %s\n", strings.Join(p.down, ","))
	}
	rest()
	if p.rots { // whoever waits for what is gone for good would do so for ever
		fmt.Fprintf(b, "crash %s\n", clients)
		return
	}
	for _, t := range p.topics {
		for i := range t.partitions {
			fmt.Fprintf(b, "consume z1 %s-%d auto.offset.reset=earliest%s\n", t.name, i, list(p.time.consumer))
		}
	}
	rest()
}

// unlock does what an operator must do where min.insync.replicas was changed while a partition had nobody in sync: Kafka
// forgets the eligible leader replicas then (ClearElrRecord), and only an unclean election gives it a leader again: at the
// controller's next look, which comes every unclean.leader.election.interval.ms.
func (p *Plan) unlock(b *strings.Builder) {
	fmt.Fprintf(b, "wait %s\n", ms(20*p.time.unit))
	for _, t := range p.topics {
		fmt.Fprintf(b, "config topic %s unclean.leader.election.enable=true\n", t.name)
	}
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
