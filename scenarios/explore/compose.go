package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
)

// Parts are the seeds of a composed plan. Each part is drawn from a seed of its own, so a change of one fault changes no
// other, and a caller may add and drop faults and operations as it likes.
type Parts struct {
	World      uint64 // the seed of the run
	Cluster    uint64 // machines, timeouts and topics, and which kinds of faults and operations there are
	Workload   uint64 // clients, sends and reads; unused if a test is the workload
	Operations []uint64
	Faults     []uint64
}

// Needs are the caller's decisions about a composed plan. The zero value leaves all of them to chance.
type Needs struct {
	Test       string   // the test in the workload line, which has the client TestClient; if empty, clients are drawn
	Configs    []string // the configs of TestClient, such as acks=all
	Brokers    int      // if 0, the number is drawn: at least three, and as many as the topics need
	Topics     []string // the words of topic lines; if empty, topics are drawn
	Faults     []string // the families that may occur; nil allows Survivable
	Operations []string // the kinds of requests of an operator that may occur
	Rules      []string // old rules, as rule lines
}

// TestClient is the client of a test's own code.
const TestClient = "app"

// Survivable lists the families of faults that lose no acknowledged record of a producer with acks=all, if the topic has
// three replicas and min.insync.replicas=2. Loss of power is not one of them, because Kafka does not flush.
func Survivable() []string {
	return []string{"crash", "die-inside", "stop", "pause", "cut", "slow", "links", "clients", "processor", "slow-disk"}
}

// FaultFamilies lists the families of faults that Needs may name.
func FaultFamilies() (all []string) {
	for _, f := range families() {
		all = append(all, f.name)
	}
	return all
}

// OperationKinds lists the kinds of an operator's requests that Needs may name.
func OperationKinds() (all []string) {
	for _, o := range operations() {
		all = append(all, o.name)
	}
	return all
}

// Compose draws a plan from the seeds of its parts. The error says which of the needs is wrong.
func Compose(parts Parts, needs Needs) (*Plan, error) {
	if err := needs.check(); err != nil {
		return nil, err
	}
	d := draws{parts.Cluster}
	p := &Plan{Seed: parts.World, Profile: Compressed, Rules: needs.Rules, needs: needs}
	p.time = timingOf(p.Profile, d)
	p.heal = p.time.boot + p.time.phase
	p.controllers = pick(d, "controllers", 0, 1, 3, 3, 3, 5)
	least := 1
	for _, words := range needs.Topics {
		t, err := ownTopic(words)
		if err != nil {
			return nil, err
		}
		least = max(least, t.replicas)
		p.topics = append(p.topics, t)
	}
	p.brokers = cmp.Or(needs.Brokers, max(least, pick(d, "brokers", 0, 3, 3, 3, 4, 5)))
	if p.brokers < least {
		return nil, fmt.Errorf("a topic has %d replicas, and there are %s", least, plural(p.brokers, "broker"))
	}
	for i := range p.topics {
		if t := &p.topics[i]; t.replicas == 0 {
			t.replicas = min(3, p.brokers) // the default of the line
		}
	}
	for i := range pick(d, "topics", 0, 1, 1, 1, 2) {
		if len(needs.Topics) == 0 {
			p.topics = append(p.topics, p.newTopic(d, i))
		}
	}
	p.operate(seeds(parts.Operations), operations(), swarm(d, "operator", needs.Operations, OperationKinds()))
	if needs.Test == "" {
		p.drawWorkload(draws{parts.Workload})
	} else {
		p.runTest()
	}
	p.rough = d.chance("noise", 0, 400)
	allowed := needs.Faults
	if allowed == nil {
		allowed = Survivable()
	}
	weights := swarm(d, "family", allowed, FaultFamilies())
	all := families()
	p.strike(seeds(parts.Faults), all, weights)
	for i, f := range all {
		if weights[i] > 0 && len(parts.Faults) > 0 {
			p.families = append(p.families, f.name)
			p.rots = p.rots || f.rots
		}
	}
	slices.SortStableFunc(p.lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	return p, nil
}

// seeds returns the draws of each seed.
func seeds(list []uint64) (all []draws) {
	for _, seed := range list {
		all = append(all, draws{seed})
	}
	return all
}

// swarm draws the weights of the allowed kinds. Some of them are left out, because a kind that is always present hides failures
// that need its absence; if chance would leave out all of them, it leaves out none.
func swarm(d draws, site string, allowed, kinds []string) []int {
	weights := make([]int, len(kinds))
	any := false
	for i, name := range kinds {
		if slices.Contains(allowed, name) && d.chance(site+"."+name, 0, 500) {
			weights[i], any = 1<<d.intn(site+".weight."+name, 0, 6), true
		}
	}
	for i, name := range kinds {
		if !any && slices.Contains(allowed, name) {
			weights[i] = 1
		}
	}
	return weights
}

// check reports the first mistake in the needs, such as a word that is not known.
func (n Needs) check() error {
	for _, c := range [...]struct {
		what         string
		words, known []string
	}{{"family of faults", n.Faults, FaultFamilies()}, {"kind of operation", n.Operations, OperationKinds()}} {
		for _, w := range c.words {
			if !slices.Contains(c.known, w) {
				err := fmt.Sprintf("no %s %q", c.what, w)
				if near := scenarios.Nearest(w, c.known); near != "" {
					err += fmt.Sprintf(" (did you mean %q?)", near)
				}
				return fmt.Errorf("%s; there are %s", err, strings.Join(c.known, ", "))
			}
		}
	}
	for _, f := range families() {
		if n.Test != "" && f.rots && slices.Contains(n.Faults, f.name) {
			return fmt.Errorf("faults of %s destroy synced bytes, so the cluster need not become quiet again, and a test would wait for it", f.name)
		}
	}
	if len(n.Topics) > 0 && slices.Contains(n.Operations, "come-and-go") {
		return fmt.Errorf("the operation come-and-go makes topics of its own, so the test cannot name its topics")
	}
	return nil
}

// ownTopic reads the words of a topic line.
func ownTopic(text string) (t topic, err error) {
	p, err := scenarios.Load("topic "+text, []byte("cluster brokers=60 controllers=1\ntopic "+text+"\n"))
	if err != nil {
		return t, err
	}
	of := p.Partitions()
	t = topic{name: of[0].Topic, partitions: len(of), words: strings.Fields(text)[1:]}
	for _, part := range p.Commands()[1].Parts() {
		switch part.Name {
		case "replicas":
			t.replicas, _ = strconv.Atoi(part.Word.Value)
		case "on":
			t.replicas = strings.Count(part.Word.Value, ",") + 1
		case uncleanConfig:
			t.unclean = part.Word.Value == "true"
		}
	}
	return t, nil
}

// runTest adds the line of a test's own workload. Its client is the only one that faults may hit.
func (p *Plan) runTest() {
	p.producers = append(p.producers, TestClient)
	configs := words{}
	for _, c := range p.needs.Configs {
		configs = append(configs, c)
	}
	for _, c := range append([]string{"acks=all", fromStart}, ofSettings(p.time.client)...) {
		name, _, _ := strings.Cut(c, "=")
		if !slices.ContainsFunc(p.needs.Configs, func(own string) bool { return strings.HasPrefix(own, name+"=") }) {
			configs = append(configs, c)
		}
	}
	p.at(p.time.boot, newLine(Tag{}, "workload", testWord(p.needs.Test), "as", host(TestClient), configs))
}

// testWord returns the name of a test as a word of a line. The name of a subtest may have any characters.
func testWord(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") == "" {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// ofSettings returns settings as words.
func ofSettings(list []setting) (all []string) {
	for _, s := range list {
		all = append(all, s.String())
	}
	return all
}
