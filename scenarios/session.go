package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
	"samsa/wire"
)

// Session is a running scenario: a position in its lines and a world.
//
//	lines ──start──▶ verb ──▶ done                      next line
//	                  └────▶ waits ──events──▶ done     next line
//	at TIME lines ──────────▶ an event of the world at that time
//
// One tick starts a line or runs one event, so a session can stop between any two of them. A session never goes back. To
// reach an earlier step, Seek runs the scenario again from the start, which gives the same run.
type Session struct {
	program *Program
	run     RunOptions
	cluster observe.Cluster
	err     error // the reason why no cluster could be assembled
	seed    uint64

	next       int       // the index of the next line in program.code
	now        *waiting  // the running line; if nil, the next line may start
	background []waiting // running timed lines, oldest first
	timed      int       // the number of timed lines that have not started
	clients    []env.Addr

	entries []Entry
	noted   map[sighting]env.Duration   // the last time of each note; nil if the file has no saw line; never iterated
	cuts    map[truncation]env.Duration // the last time of each truncation; nil if no line waits for one; never iterated
	outputs []string                    // one per block of the file
	verdict *Verdict                    // nil until the end
	claims  []Claim
	stopped Stop             // the reason why the run ended before its last line
	work    *workloads       // nil if no workload line has run
	downs   map[env.Addr]int // how often a line has ordered each machine down; never iterated

	ticks  uint64        // lines started and events run so far
	causes *causesAt     // the result of the last call of CausesOf
	began  func(num int) // if not nil, is called with the number of each line that begins
}

// RunOptions change how a scenario is run. The zero value runs it as written.
type RunOptions struct {
	Seed      *uint64                                        // overrides the file's seed
	Set       []Setting                                      // override the settings of every line that accepts the config
	Rules     []string                                       // old rules that are enabled besides those of the file
	Mode      Mode                                           // how messages travel
	Build     func(cluster.Options) (observe.Cluster, error) // assembles the cluster; nil means observe.Assemble
	Events    uint64                                         // the budget of events; 0 is DefaultEvents
	Decisions Decisions                                      // if not nil, receives every random decision that is not 0
	Heard     func(Note)                                     // if not nil, is called for every note
	Each      func(Event)                                    // if not nil, is called for every event, after its notes
	Decided   func(question string, always bool)             // if not nil, is called if an old rule changes a decision
	Otherwise func(id string)                                // if not nil, is called if an old rule would change a decision
	Work      func(*Hand)                                    // the code of the file's workload line
}

// DefaultEvents is the budget of a run. The verdict of a run that exceeds it is inconclusive.
const DefaultEvents = 50_000_000

// patience is the longest virtual time that one line waits.
const patience = 10 * env.Minute

// Entry is one entry of the story.
type Entry struct {
	Kind  EntryKind
	Event uint64
	Step  uint64
	Time  env.Duration
	Line  *Line  // for a verb or an output
	Text  string // for an output
	Note  Note   // for a note
}

// EntryKind is the kind of an entry.
type EntryKind uint8

const (
	EntryVerb   EntryKind = iota // a line was started
	EntryOutput                  // a line has printed text
	EntryNote                    // a node or the world made a note that is in the story
)

// Claim is the result of a line with the verb expect or saw, or of a line "run until".
type Claim struct {
	Line *Line
	OK   bool
	Text string // the result in one line
}

// Verdict is the result of a run.
type Verdict struct {
	Status   check.Status // Held, Violated or Unknown
	Findings []check.Finding
	Failures []Failure // the violated Findings and all other failures; the worst failure need not be the first
	Claims   []Claim
	Found    []FoundResult // the file's found lines
	Reason   StopReason    // the reason why the run ended before its last line
	Stopped  string        // Reason as a sentence; empty if the run reached its end
	Unsound  error         // a bug in Samsa itself that the world detected; if not nil, the verdict means nothing
	Seed     uint64
	Events   uint64
	Steps    uint64
	Time     env.Duration
	Hash     uint64
	Shape    uint64 // a second hash, which does not depend on the names of notes

	Rules    []string  // the enabled old rules of the file and of the caller
	Set      []Setting // the caller's settings
	Mode     Mode
	Altered  bool     // the caller gave another seed, settings or more old rules, so the file's claims do not apply
	Expected []string // the checks that the file expects to be violated
}

// waiting is a running line.
type waiting struct {
	line   *Line
	block  int
	result Result
	until  env.Duration // the time at which the line stops waiting
}

// New makes a session. No event has run yet.
func New(p *Program, o RunOptions) *Session {
	if o.Build == nil {
		o.Build = observe.Assemble
	}
	o.Events = budgetOf(p, o)
	s := &Session{program: p, run: o, seed: p.Seed(), outputs: make([]string, len(p.File.Blocks))}
	for _, c := range p.code {
		if c.Verb == verbSaw {
			s.noted = map[sighting]env.Duration{}
		}
		if c.Verb == verbRun && c.Args.has("truncated") {
			s.cuts = map[truncation]env.Duration{}
		}
	}
	if o.Seed != nil {
		s.seed = *o.Seed
	}
	return s
}

// Seed returns the seed in the file, or 1.
func (p *Program) Seed() uint64 {
	for _, c := range p.code {
		if c.Verb == verbCluster {
			return argOr[uint64](c.Args, "seed", 1)
		}
	}
	return 1
}

// DerivedSeeds returns n seeds that are derived from one seed. The claims of a scenario must hold on them too.
func DerivedSeeds(seed uint64, n int) []uint64 {
	seeds := make([]uint64, n)
	for i := range seeds {
		// splitmix64
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		seeds[i] = z ^ z>>31
	}
	return seeds
}

// tick starts the next line or runs one event. It returns false if the run is over.
func (s *Session) tick() bool {
	s.ticks++
	switch {
	case s.verdict != nil:
		return false
	case s.now != nil:
		if over, met := s.over(s.now); over {
			w := *s.now
			s.now = nil
			s.finish(w, met)
			return true
		}
		if !s.event() {
			w := *s.now
			s.now = nil
			s.finish(w, false)
		}
		return true
	case s.next < len(s.program.code) && s.stopped == (Stop{}):
		c := &s.program.code[s.next]
		s.next++
		s.start(c)
		return true
	case (s.timed > 0 || pending(s.background)) && s.stopped == (Stop{}):
		if s.event() {
			return true
		}
	}
	s.end()
	return false
}

// event runs one event of the world. It returns false if there is none.
func (s *Session) event() bool {
	if s.cluster.Events() >= s.run.Events {
		s.stop(StopBudget, fmt.Sprintf("the budget of %d events is spent", s.run.Events))
		return false
	}
	if !s.cluster.Step() {
		return false
	}
	for i := 0; i < len(s.background); {
		w := s.background[i]
		if over, met := s.over(&w); over {
			s.background = append(s.background[:i], s.background[i+1:]...)
			s.finish(w, met)
			continue
		}
		i++
	}
	return true
}

// over reports whether a waiting line has ended, and whether its condition was met.
func (s *Session) over(w *waiting) (over, met bool) {
	if w.result.Until() {
		return true, true
	}
	return s.cluster.Now() >= w.until, false
}

// start runs a line, or schedules it if it is timed.
func (s *Session) start(c *Command) {
	if s.cluster == nil && !s.open() {
		return
	}
	if !c.Line.Timed {
		s.begin(c)
		return
	}
	s.timed++
	s.cluster.At(max(c.Line.At, s.cluster.Now()), c.Line.Verb.Text, func() {
		s.timed--
		s.begin(c)
	})
}

// begin runs a line now.
func (s *Session) begin(c *Command) {
	if c.Verb.Run == nil {
		return // a verb without Run, such as pin, has had its effect before the first event
	}
	s.enter(Entry{Kind: EntryVerb, Line: &c.Line})
	if s.began != nil {
		s.began(c.Line.Num)
	}
	r := c.Verb.Run(s, c.Args)
	s.print(&c.Line, c.Block, r.Text, false)
	if r.Until == nil {
		return
	}
	if r.After == 0 {
		r.After = patience
	}
	w := waiting{&c.Line, c.Block, r, s.cluster.Now() + r.After}
	if r.Stays {
		w.until = env.Duration(math.MaxInt64)
	}
	if c.Line.Timed || r.Aside || r.Stays {
		s.background = append(s.background, w)
	} else {
		s.now = &w
	}
}

// finish ends a line that waited.
func (s *Session) finish(w waiting, met bool) {
	if w.result.Then != nil {
		s.print(w.line, w.block, w.result.Then(met), w.result.Aside || w.result.Stays)
	}
}

// pending reports whether the end of the file has to wait for one of these lines.
func pending(lines []waiting) bool {
	return slices.ContainsFunc(lines, func(w waiting) bool { return !w.result.Stays })
}

// print adds text to the output of a block. Text of timed and background lines goes only into the story, because their block
// may be over.
func (s *Session) print(l *Line, block int, text string, aside bool) {
	if text == "" {
		return
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	s.enter(Entry{Kind: EntryOutput, Line: l, Text: text})
	if !l.Timed && !aside {
		s.outputs[block] += text
	}
}

// enter adds an entry to the story.
func (s *Session) enter(e Entry) {
	if e.Kind != EntryNote {
		e.Event, e.Step, e.Time = s.cluster.Events(), s.cluster.Steps(), s.cluster.Now()
	}
	s.entries = append(s.entries, e)
}

// open assembles the cluster that the file's cluster line describes. It returns false if there was an error.
func (s *Session) open() bool {
	if test := s.program.Workload(); test != "" && s.run.Work == nil {
		s.err = &NeedsTest{test, s.program.File.Name}
		return false
	}
	o := cluster.Options{Seed: s.seed, Mode: s.run.Mode, Rules: allRules(s.program, s.run), Overrides: s.program.Overrides, Sink: s.hear, Events: s.run.Each, Decisions: s.run.Decisions, Decided: s.run.Decided, Otherwise: s.run.Otherwise}
	for _, c := range s.program.code {
		if c.Verb == verbCluster {
			o.Brokers = argOr[int32](c.Args, "brokers", 3)
			o.Controllers = argOr[int32](c.Args, "controllers", 3)
			o.Noise = argOr(c.Args, "noise", "")
			o.Configs = s.override(ScopeCluster, c.Args.Settings)
		}
	}
	for _, own := range s.program.own {
		o.Own = append(o.Own, cluster.OwnConfigs{Host: own.Host, Configs: s.override(ScopeBrokers, own.Configs)})
	}
	s.cluster, s.err = s.run.Build(o)
	return s.err == nil
}

// hear receives the world's notes.
func (s *Session) hear(n Note) {
	if s.run.Heard != nil {
		s.run.Heard(n)
	}
	if s.noted != nil {
		s.noted[sighting{n.Kind.Name, ""}] = n.Time
		s.noted[sighting{n.Kind.Name, n.Who}] = n.Time
	}
	if s.cuts != nil && slices.Contains(truncations[:], n.Kind.Name) {
		tp := wire.TopicPartition{Topic: s.cluster.Names().Topic(n.Args[0]), Partition: int32(n.Args[1])}
		s.cuts[truncation{tp, n.Who}] = n.Time
	}
	if n.Kind.Story {
		s.enter(Entry{Kind: EntryNote, Event: n.Event, Step: n.Step, Time: n.Time, Note: n})
	}
}

// claim records a line's claim.
func (s *Session) claim(l *Line, ok bool, text string) {
	s.claims = append(s.claims, Claim{l, ok, strings.TrimSpace(text)})
}

// stop makes the run end before its last line. If stop is called several times, the first reason counts.
func (s *Session) stop(reason StopReason, text string) {
	if s.stopped == (Stop{}) {
		s.stopped = Stop{reason, text}
	}
}

// end ends the run with its verdict.
func (s *Session) end() { s.endWith(true) }

// endWith computes the verdict. If final is set, endWith also ends the run; otherwise the run continues.
func (s *Session) endWith(final bool) {
	if final && s.cluster != nil {
		for _, w := range s.background {
			if w.result.Stays {
				s.finish(w, false)
			}
		}
		claimOverrides(s)
		s.work.end()
		s.cluster.End()
	}
	s.verdict = verdictOf(s)
}
