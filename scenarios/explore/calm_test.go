package explore

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"samsa/check"
	"samsa/scenarios"
)

// A calm cluster has no fault: nothing crashes, no disk and no network fails. All its promises hold, so every violation
// that a check reports there is a mistake of the check or of the cluster.
//
// calm draws such a scenario from a seed: topics and configs in their ranges, records with equal values, readers that begin
// anywhere or stay, deletions of records and topics, more partitions, preferred elections, clean restarts of brokers and
// controllers, clients that are stopped and asked for more, records with keys, configs of brokers that come and go, and
// questions about offsets. min.insync.replicas and the feature of the ELR stay as they
// are, because Kafka itself may lose records when they change.
func calm(seed uint64) string {
	c := &calmness{draws: draws{seed}}
	c.brokers, c.controllers = c.pick("brokers", 1, 2, 3, 3, 3, 4), c.pick("controllers", 1, 1, 3, 3)
	c.timed = c.draws.chance("calm.timed", 0, 400)
	fmt.Fprintf(&c.text, "# A calm cluster, seed %d.\ncluster brokers=%d controllers=%d seed=%d%s\n", seed, c.brokers, c.controllers, seed,
		c.settings(2, "replica.lag.time.max.ms=5000", "replica.fetch.wait.max.ms=50", "log.retention.check.interval.ms=500", "replica.fetch.max.bytes=200",
			"broker.session.timeout.ms=4000", "log.initial.task.delay.ms=500", "replica.high.watermark.checkpoint.interval.ms=500", "noise=calm"))
	for i := range c.pick("topics", 1, 1, 2, 3) {
		c.make(calmTopics[i])
	}
	c.clock = 3000
	for range c.between("steps", 4, 24) {
		c.step()
	}
	if c.timed {
		fmt.Fprintf(&c.text, "run until time %dms\n", c.clock+1)
	}
	// A machine that was told to start may still have been in its controlled shutdown.
	fmt.Fprintf(&c.text, "start %s for good\n", strings.Join(append([]string{"brokers", "controllers"}, c.clients...), ","))
	c.text.WriteString("run until quiet within 300s\n")
	if c.chance("drains", 700) {
		c.text.WriteString("drain z1 auto.offset.reset=earliest\nrun until quiet within 300s\n")
	}
	return c.text.String()
}

var calmTopics = [...]string{"orders", "payments", "audit"}

type calmness struct {
	draws
	n                    int32
	text                 strings.Builder
	brokers, controllers int
	timed                bool
	clock                int // milliseconds, of the next timed line
	topics               []*calmTopic
	clients, away        []string
}

type calmTopic struct {
	name       string
	partitions int
}

func (c *calmness) ord() int32 { c.n++; return c.n }

func (c *calmness) pick(site string, list ...int) int {
	return pick(c.draws, "calm."+site, c.ord(), list...)
}

func (c *calmness) word(site string, list ...string) string {
	return pick(c.draws, "calm."+site, c.ord(), list...)
}

func (c *calmness) between(site string, least, most int) int {
	return c.draws.between("calm."+site, c.ord(), least, most)
}

func (c *calmness) chance(site string, permille int) bool {
	return c.draws.chance("calm."+site, c.ord(), permille)
}

// settings draws up to most of the settings, none of them twice.
func (c *calmness) settings(most int, all ...string) string {
	text := ""
	for range c.between("settings", 0, most) {
		i := c.between("setting", 0, len(all)-1)
		name, _, _ := strings.Cut(all[i], "=")
		if !strings.Contains(text, " "+name+"=") {
			text += " " + all[i]
		}
	}
	return text
}

// line adds a line. If the scenario is timed, the line has a time of its own and does not wait for the lines before it.
func (c *calmness) line(format string, args ...any) {
	if c.timed {
		c.clock += c.pick("pause", 0, 1, 5, 40, 200, 1000, 3000)
		fmt.Fprintf(&c.text, "at %dms ", c.clock)
	}
	fmt.Fprintf(&c.text, format+"\n", args...)
}

// make adds a topic.
func (c *calmness) make(name string) {
	t := &calmTopic{name, c.pick("partitions", 1, 1, 2, 3)}
	c.topics = append(c.topics, t)
	replicas := min(c.brokers, c.pick("replicas", 1, 2, 3, 3))
	text := fmt.Sprintf("topic %s partitions=%d replicas=%d min.insync.replicas=%d%s", name, t.partitions, replicas, c.between("min.isr", 1, replicas),
		c.settings(3, "retention.ms=2000", "retention.bytes=1500", "internal.segment.bytes=1024", "internal.segment.bytes=4096", "segment.ms=500",
			"max.message.bytes=400", "message.timestamp.type=LogAppendTime", "compression.type=gzip", "flush.messages=1", "file.delete.delay.ms=0",
			"unclean.leader.election.enable=true"))
	if c.clock == 0 {
		fmt.Fprintln(&c.text, text)
	} else {
		c.line("%s", text)
	}
}

// topic draws a topic that exists, nil if there is none.
func (c *calmness) topic() *calmTopic {
	if len(c.topics) == 0 {
		return nil
	}
	return c.topics[c.between("topic", 0, len(c.topics)-1)]
}

func (t *calmTopic) partition(c *calmness) string {
	return fmt.Sprintf("%s-%d", t.name, c.between("partition", 0, t.partitions-1))
}

// client returns a client's name, with configs if the name is new.
func (c *calmness) client(kind string, of int, settings ...string) string {
	name := fmt.Sprintf("%s%d", kind, c.between("client", 1, of))
	if slices.Contains(c.clients, name) {
		return name + " %s"
	}
	c.clients = append(c.clients, name)
	return name + " %s" + c.settings(4, settings...)
}

// values draws values of which many are equal.
func (c *calmness) values() string {
	switch c.between("values", 0, 4) {
	case 0:
		return "a a a"
	case 1:
		return fmt.Sprintf("v%d..v%d", c.between("from", 1, 5), c.between("to", 6, 60))
	case 2:
		return fmt.Sprintf("u%d..u%d", 1000*int(c.n), 1000*int(c.n)+c.between("more", 0, 30))
	case 3:
		return c.word("value", "a", "b", "a b", "b a b a")
	}
	return "x1..x9 x1..x9"
}

// step adds one operation.
func (c *calmness) step() {
	t := c.topic()
	switch kind := c.draws.weighted("calm.step", c.ord(), []int{24, 18, 6, 4, 3, 3, 5, 2, 4, 4, 4}); {
	case t == nil:
		c.make(calmTopics[0])
	case c.chance("more", 200):
		c.more(t)
	case kind == 0:
		c.line(c.word("send", "produce ", "send ")+c.client("p", 3, "acks=all", "acks=1", "acks=0", "linger.ms=20", "batch.size=1", "batch.size=100",
			"max.in.flight.requests.per.connection=1", "delivery.timeout.ms=40000", "request.timeout.ms=2000", "retry.backoff.ms=20")+" %s", t.partition(c), c.values())
	case kind == 1:
		from := ""
		if c.chance("from", 700) {
			first := c.pick("first", 0, 1, 2, 3, 5, 8, 20, 100)
			from = fmt.Sprintf(" from %d..%d", first, first+c.pick("count", 1, 2, 4, 10, 1000))
		}
		who := c.client("r", 3, "auto.offset.reset=earliest", "auto.offset.reset=latest", "fetch.max.wait.ms=20", "max.partition.fetch.bytes=100",
			"isolation.level=read_committed", "fetch.min.bytes=100")
		head, rest, _ := strings.Cut(who, "%s")
		c.line("consume %s%s%s%s", head, t.partition(c), from, rest)
	case kind == 2:
		before := ""
		if c.chance("before", 600) {
			before = fmt.Sprintf(" before %d", c.pick("offset", 1, 2, 3, 7, 20))
		}
		c.line("delete records %s%s", t.partition(c), before)
	case kind == 3:
		c.line("delete topic %s", t.name)
		if name := t.name; c.chance("again", 700) {
			c.topics = slices.DeleteFunc(c.topics, func(o *calmTopic) bool { return o == t })
			c.make(name)
		} else if !c.timed {
			c.topics = slices.DeleteFunc(c.topics, func(o *calmTopic) bool { return o == t })
		}
	case kind == 4:
		t.partitions += c.between("more partitions", 1, 2)
		c.line("grow %s to %d", t.name, t.partitions)
	case kind == 5:
		c.line("elect preferred %s", t.partition(c))
	case kind == 6:
		c.restart("b", c.brokers)
	case kind == 7:
		c.restart("c", c.controllers)
	case kind == 8:
		if len(c.clients) > 0 {
			c.stopOrStart(c.clients[c.between("which client", 0, len(c.clients)-1)])
		}
	case kind == 9:
		c.line("config topic %s %s", t.name, c.word("config", "retention.bytes=2000", "retention.bytes=-1", "retention.ms=1000", "retention.ms=-1",
			"internal.segment.bytes=512", "segment.ms=200", "message.timestamp.type=LogAppendTime", "message.timestamp.type=CreateTime", "flush.messages=1",
			"compression.type=producer"))
	case !c.timed:
		c.line("wait %dms", c.pick("wait", 10, 300, 2000, 12000))
	default:
		c.clock += c.pick("wait", 10, 300, 2000, 12000)
	}
}

// more adds one operation of a whole topic, of brokers, or of the operator.
func (c *calmness) more(t *calmTopic) {
	switch c.between("more", 0, 6) {
	case 0:
		key := c.word("key", "key=k1 ", "key=k1..k3 ", "header=h:1 ")
		c.line(c.word("send", "produce ", "send ")+c.client("p", 3, "acks=all", "linger.ms=20")+" %s%s", t.name, key, c.values())
	case 1:
		c.line("consume "+c.client("s", 2, "auto.offset.reset=earliest", "fetch.max.wait.ms=20")+" until stopped", t.partition(c))
	case 2:
		c.line("consume "+c.client("r", 3, "auto.offset.reset=latest")+" from %s", t.name, c.word("end", "earliest", "latest"))
	case 3:
		if machine := fmt.Sprintf("b%d", c.between("machine", 1, c.brokers)); !slices.Contains(c.away, machine) {
			c.line("restart %s", machine)
		}
	case 4:
		if machine := fmt.Sprintf("c%d", c.between("machine", 1, c.controllers)); !slices.Contains(c.away, machine) {
			c.line("restart %s", machine)
		}
	case 5:
		of := c.word("of", "brokers", fmt.Sprintf("broker b%d", c.between("machine", 1, c.brokers)))
		set := pick(c.draws, "calm.broker config", c.ord(), movableBrokers[:]...)
		if c.chance("delete", 300) {
			name, _, _ := strings.Cut(set, "=")
			set = "delete " + name
		}
		c.line("config %s %s", of, set)
	default:
		c.line("list offsets %s %s", t.partition(c), c.word("offsets", "latest", "earliest", "max-timestamp"))
	}
}

// restart stops a machine cleanly, or starts one that was stopped.
func (c *calmness) restart(role string, of int) {
	c.stopOrStart(fmt.Sprintf("%s%d", role, c.between("machine", 1, of)))
}

func (c *calmness) stopOrStart(machine string) {
	if i := slices.Index(c.away, machine); i >= 0 {
		c.away = slices.Delete(c.away, i, i+1)
		c.line("start %s", machine)
		return
	}
	c.line("stop %s", machine)
	c.away = append(c.away, machine)
}

// accusations runs a calm scenario and returns everything that keeps it from ending ok.
func accusations(t *testing.T, seed uint64) (all []Failure) {
	program, err := scenarios.Load(fmt.Sprintf("calm-%d.txt", seed), []byte(calm(seed)))
	if err != nil {
		t.Errorf("seed %d: %v\n%s", seed, err, calm(seed))
		return nil
	}
	s := scenarios.New(program, scenarios.RunOptions{Events: 3 * budget})
	v, err := s.Finish()
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return nil
	}
	r := Result{Seed: seed}
	r.look(s, v)
	all = r.Failures
	for _, f := range v.Findings {
		if f.Status == check.Unknown {
			all = append(all, Failure{Verdict: Unknown, Check: f.Check.Name, Text: f.Explanation})
		}
	}
	for _, claim := range v.Claims {
		if !claim.OK {
			all = append(all, Failure{Verdict: Stuck, Check: "claim", Kind: claim.Line.Verb.Text, Text: claim.Text})
		}
	}
	if end := v.Conclude(nil); end != scenarios.Fine && len(all) == 0 { // the exit code is not 0
		all = append(all, Failure{Verdict: Stuck, Check: "conclusion", Kind: string(end), Text: v.Stopped})
	}
	return all
}

// A calm cluster is never accused. SAMSA_CALM is another range of seeds: 1-2000. For a range of one seed, the test with -v
// prints the scenario.
func TestCalmClustersAreNotAccused(t *testing.T) {
	first, last := uint64(1), uint64(200)
	if seeds := os.Getenv("SAMSA_CALM"); seeds != "" {
		from, to, _ := strings.Cut(seeds, "-")
		var err, err2 error
		first, err = strconv.ParseUint(from, 10, 64)
		last, err2 = strconv.ParseUint(to, 10, 64)
		if err != nil || err2 != nil {
			t.Fatalf("SAMSA_CALM is %q, wanted a range such as 1-2000", seeds)
		}
	}
	if first == last {
		t.Log(calm(first))
	}
	var wait sync.WaitGroup
	var lock sync.Mutex
	next, accused, kinds := first, map[uint64][]Failure{}, map[string]int{}
	for range runtime.NumCPU() {
		wait.Go(func() {
			for {
				lock.Lock()
				seed := next
				next++
				lock.Unlock()
				if seed > last {
					return
				}
				found := accusations(t, seed)
				lock.Lock()
				if len(found) > 0 {
					accused[seed] = found
				}
				for _, f := range found {
					kinds[f.Fingerprint()]++
				}
				lock.Unlock()
			}
		})
	}
	wait.Wait()
	for seed := first; seed <= last; seed++ {
		for _, f := range accused[seed] {
			t.Errorf("seed %d: %s %s: %s", seed, f.Verdict, f.Fingerprint(), f.Text)
		}
	}
	if len(accused) > 0 {
		t.Errorf("%d of %d calm scenarios are accused: %v; SAMSA_CALM=N-N go test ./scenarios/explore -run Calm -v prints one", len(accused), last-first+1, kinds)
	}
}
