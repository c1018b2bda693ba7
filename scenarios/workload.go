package scenarios

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// A workload is the program of a user, in Go: straight-line code that sends, reads and waits in virtual time.
//
//	workload TestTransfers as app        the line; the code is RunOptions.Work, since a file cannot hold it
//	        │
//	        ▼  a coroutine for each client
//	   Hand.Produce ──▶ operation of the cluster ── event ── event ── done ──▶ the code goes on
//	   Hand.Sleep   ──▶ a time               ── event ── event ── reached ─▶ the code goes on
//
// The coroutines run one at a time, between two events, so a workload is as deterministic as its code. Each run calls the
// code from its start. When the session ends, waiting coroutines are unwound. Their deferred calls run then, and must not
// wait.

var verbWorkload = &Verb{
	Name:    "workload",
	Group:   "clients",
	Forms:   []string{"TEST as CLIENT"},
	Configs: ScopeClient,
	Doc: "A client runs the Go code of a test (package samsa/scenarios/prop), and the lines below start at once. The file ends when " +
		"that code has returned. Only the test itself can run such a file: go test -run TEST -samsa.file FILE. Tests write these " +
		"files when they fail.",
	Example: "workload TestTransfers as app acks=all",
	Timed:   true,
	Check:   checkClient,
	Run:     runWorkload,
}

// NeedsTest is the error of a session whose file has a workload line, if RunOptions.Work is not set.
type NeedsTest struct{ Test, File string }

// Error implements error.
func (e *NeedsTest) Error() string {
	return fmt.Sprintf("its workload is the Go code of %s, which only that test has; in its directory: go test -run '%s' -samsa.file %s", e.Test, TestPattern(e.Test), e.File)
}

// TestPattern returns the pattern of `go test -run` that selects one test or subtest.
func TestPattern(name string) string { return "^" + strings.ReplaceAll(name, "/", "$/^") + "$" }

// Workload returns the test that the file's workload line names, or "" if it has no such line.
func (p *Program) Workload() string {
	for _, c := range p.code {
		if c.Verb == verbWorkload {
			return arg[string](c.Args, "TEST")
		}
	}
	return ""
}

// workloads are the coroutines of a session, in the order of their start.
type workloads struct {
	session *Session
	hands   []*Hand
	inside  bool      // a coroutine is running
	own     []Failure // the failures of the user's own invariants
	unwound []string  // the coroutines that were unwound at the end, as the method running returns them
}

// Hand is the handle of a workload on one client. Only the code that runs on that client may use it.
type Hand struct {
	w       *workloads
	client  env.Addr
	configs []Setting

	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
	until func() bool // the condition that the code waits for; nil while it runs
	in    string      // the call in which the code waits or waited last
	over  bool
}

// unwound is the panic that ends a coroutine.
type unwound struct{}

// Unwinds reports whether p is the panic that ends the code of a workload. Code that recovers this panic must panic with it
// again.
func Unwinds(p any) bool { return p == any(unwound{}) }

// ParseTopic reads the words of a topic line: a name and settings.
func ParseTopic(words string) (cluster.TopicSpec, error) {
	p, err := Load("topic "+words, fmt.Appendf(nil, "cluster brokers=%d\ntopic %s\n", maxBrokers, words))
	if err != nil {
		return cluster.TopicSpec{}, err
	}
	a := p.code[1].Args
	spec := cluster.TopicSpec{Name: arg[string](a, "NEWTOPIC"), Partitions: argOr[int32](a, "partitions", 1), Replicas: argOr[int32](a, "replicas", 3),
		On: arg[[]wire.NodeID](a, "on"), Configs: a.Settings}
	if len(spec.On) > 0 {
		spec.Replicas = int32(len(spec.On))
	}
	return spec, nil
}

// runWorkload starts the code of a workload line.
func runWorkload(s *Session, a *Args) Result {
	if s.work == nil {
		s.work = &workloads{session: s}
	}
	name := s.client(a)
	h := s.work.start(name, s.override(ScopeClient, a.Settings), s.run.Work)
	s.work.run()
	test := arg[string](a, "TEST")
	return Result{
		Aside: true,
		Until: func() bool { s.work.run(); return h.over },
		Then: func(met bool) string {
			if !met {
				s.stop(StopPatience, fmt.Sprintf("the workload %s has not returned after %s", test, formatDuration(patience)))
			}
			return ""
		},
	}
}

// start adds a coroutine, which runs up to its first wait when run is called.
func (w *workloads) start(name env.Addr, configs []Setting, code func(*Hand)) *Hand {
	h := &Hand{w: w, client: name, configs: configs}
	h.next, h.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil && !Unwinds(r) {
				panic(r)
			}
		}()
		h.yield = yield
		code(h)
	})
	w.hands = append(w.hands, h)
	return h
}

// run resumes each coroutine whose condition is true, again and again until none can go on.
func (w *workloads) run() {
	if w.inside {
		return
	}
	w.inside = true
	defer func() { w.inside = false }()
	for moved := true; moved; {
		moved = false
		for i := 0; i < len(w.hands); i++ { // a coroutine may start others
			h := w.hands[i]
			if h.over || h.until != nil && !h.until() {
				continue
			}
			moved, h.until = true, nil
			if _, more := h.next(); !more {
				h.over = true
			}
		}
	}
}

// end unwinds the coroutines of a session. A session without a workload has none.
func (w *workloads) end() {
	if w == nil || w.inside {
		return
	}
	w.unwound = append(w.unwound, w.running()...)
	for _, h := range w.hands {
		h.over = true
		h.stop()
	}
}

// running returns the clients with code that has not returned, each with the call in which it waits.
func (w *workloads) running() (all []string) {
	for _, h := range w.hands {
		if !h.over {
			all = append(all, fmt.Sprintf("%s waits in %s", h.client, h.in))
		}
	}
	return all
}

// unreturned returns the clients with code that had not returned when the session ended, or has not returned yet.
func (w *workloads) unreturned() []string {
	if w == nil {
		return nil
	}
	return append(w.unwound, w.running()...)
}

// failures returns the failures of the user's own invariants.
func (w *workloads) failures() []Failure {
	if w == nil {
		return nil
	}
	return w.own
}

// Client returns the client that runs the code.
func (h *Hand) Client() string { return string(h.client) }

// Now returns the true time since the world began.
func (h *Hand) Now() env.Duration { return h.w.session.cluster.Now() }

// Wait waits until a condition holds. The condition is evaluated after each event, and must change nothing.
func (h *Hand) Wait(so func() bool) {
	for first := true; first || !so(); first = false { // wait at least once, so that a loop of waits lets time pass
		h.until = so
		if !h.yield(struct{}{}) {
			panic(unwound{})
		}
	}
}

// Sleep waits for a span of virtual time.
func (h *Hand) Sleep(d env.Duration) {
	passed := false
	h.in = "Sleep"
	h.w.session.cluster.At(h.Now()+max(d, 0), "sleep", func() { passed = true })
	h.Wait(func() bool { return passed })
}

// Start runs more code on a client of its own. If there is no client with that name, Start makes one with the configs of
// h's client.
func (h *Hand) Start(name string, code func(*Hand)) error {
	if msg := freeName(name); msg != "" {
		return errors.New(msg)
	}
	s := h.w.session
	for _, m := range s.cluster.Machines() {
		if m.Host == env.Addr(name) && m.Role != "client" {
			return fmt.Errorf("%q is a machine of the cluster; a client needs a name of its own", name)
		}
	}
	if !slices.Contains(s.clients, env.Addr(name)) {
		s.clients = append(s.clients, env.Addr(name))
		s.cluster.AddClient(env.Addr(name), h.configs)
	}
	h.w.start(env.Addr(name), h.configs, code)
	return nil
}

// Produce sends one record per value to a partition, and waits until the client knows the outcome of each.
func (h *Hand) Produce(tp wire.TopicPartition, values []string) cluster.Outcome {
	return h.await("Send", func() cluster.Op { return h.w.session.cluster.Produce(h.client, tp, values) })
}

// Consume reads a partition from an offset, or from the log start if it is -1, up to the high watermark. It fails if it has
// not got there within default.api.timeout.ms.
func (h *Hand) Consume(tp wire.TopicPartition, from wire.Offset) cluster.Outcome {
	set := config.New(config.Consumer)
	for _, c := range h.configs {
		if _, ok := config.Lookup(config.Consumer, c.Name); ok { // the others are configs of producers
			if with, err := set.With(c.Name, c.Value); err == nil {
				set = with
			}
		}
	}
	within := env.Duration(set.Duration("default.api.timeout.ms"))
	return h.await("Read", func() cluster.Op { return h.w.session.cluster.Consume(h.client, tp, from, 1<<30, within) })
}

// CreateTopic creates a topic, and waits until every partition has a leader.
func (h *Hand) CreateTopic(spec cluster.TopicSpec) cluster.Outcome {
	return h.await("CreateTopic", func() cluster.Op { return h.w.session.cluster.CreateTopic(spec) })
}

// DeleteTopic deletes a topic.
func (h *Hand) DeleteTopic(name string) cluster.Outcome {
	return h.await("DeleteTopic", func() cluster.Op { return h.w.session.cluster.DeleteTopic(name) })
}

// DeleteRecords deletes the records of a partition before an offset.
func (h *Hand) DeleteRecords(tp wire.TopicPartition, before wire.Offset) cluster.Outcome {
	return h.await("DeleteRecords", func() cluster.Op { return h.w.session.cluster.DeleteRecords(tp, before) })
}

// SetConfig sets configs of a topic.
func (h *Hand) SetConfig(topic string, configs []Setting) cluster.Outcome {
	return h.await("SetConfig", func() cluster.Op {
		return h.w.session.cluster.AlterConfigs(cluster.ConfigsOf{Topic: topic}, cluster.SetConfig, configs)
	})
}

// await begins an operation and waits for its outcome. If the client's machine is down, the operation begins when the
// machine is up again. A crash makes the outcomes of the requests in flight unknown.
func (h *Hand) await(call string, begin func() cluster.Op) cluster.Outcome {
	h.in = call
	if !h.up() {
		h.Wait(h.up)
	}
	op := begin()
	h.Wait(func() bool { _, done := h.w.session.cluster.Outcome(op); return done })
	o, _ := h.w.session.cluster.Outcome(op)
	return o
}

// up reports whether the client's machine is up.
func (h *Hand) up() bool {
	return slices.ContainsFunc(h.w.session.cluster.Machines(), func(m MachineState) bool { return m.Host == h.client && m.Up })
}

// Faulty reports whether the file still has a line to run that is a fault, ends a fault, or waits for a time.
func (h *Hand) Faulty() bool {
	s := h.w.session
	if s.timed > 0 || s.now != nil && s.now.line.paces() {
		return true
	}
	return slices.ContainsFunc(s.program.code[s.next:], func(c Command) bool { return c.Verb.IsFault() || c.Line.paces() })
}

// paces reports whether a line waits for a time.
func (l *Line) paces() bool {
	return l.Verb.Text == verbWait.Name || l.Verb.Text == verbRun.Name && len(l.Args) > 1 && l.Args[1].Text == "time"
}

// Settle waits until all other lines of the file are over and the cluster is quiet.
func (h *Hand) Settle() {
	s := h.w.session
	h.in = "Settle"
	h.Wait(func() bool {
		others := slices.ContainsFunc(s.background, func(w waiting) bool { return w.line.Verb.Text != verbWorkload.Name })
		return s.next == len(s.program.code) && s.now == nil && s.timed == 0 && !others && s.cluster.Quiet(nil)
	})
}

// Fail records that an invariant of the user's is broken, and ends the code on this client. The key names the invariant, and
// the kind says how it broke, if there are several ways. Both are the same on every seed. If the key is no name, Fail records
// nothing and returns an error.
func (h *Hand) Fail(key, kind, text string) error {
	if msg := plainName(key); msg != "" {
		return errors.New(msg)
	}
	c := h.w.session.cluster
	h.w.own = append(h.w.own, Failure{Verdict: ClassViolated, Check: Own + key, Kind: kind, Step: c.Steps(), Text: text})
	panic(unwound{})
}

func readTest(_ *names, w Word) (any, string) {
	if w.Text == "" {
		return nil, "a test has a name"
	}
	return w.Text, ""
}
