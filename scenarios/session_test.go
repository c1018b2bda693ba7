package scenarios

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim"
	"samsa/sim/env"
)

var rewrite = flag.Bool("rewrite", false, "write the expected outputs of scenario files again")

// load reads a scenario or fails.
func load(t *testing.T, src string) *Program {
	t.Helper()
	p, err := Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// play runs a scenario on a fake and returns both.
func play(t *testing.T, src string, o RunOptions) (*Session, *fake) {
	t.Helper()
	var f *fake
	o.Build = func(x cluster.Options) (observe.Cluster, error) { f = newFake(x); return f, nil }
	s := New(load(t, src), o)
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s, f
}

// compareFile runs a file on its own seed and compares its outputs, or rewrites them.
func compareFile(t *testing.T, path string, build func(cluster.Options) (observe.Cluster, error)) *Session {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Load(path, src)
	if err != nil {
		t.Fatal(err)
	}
	s := New(p, RunOptions{Build: build})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(p.File.Rewrite(s.Outputs())), 0o666); err != nil {
			t.Fatal(err)
		}
		return s
	}
	for i, b := range p.File.Blocks {
		if b.Compared && s.Outputs()[i] != b.Expected {
			t.Errorf("%s:%d: the block printed\n%s\nand the file expects\n%s\nif that is right: go test ./scenarios -rewrite",
				path, b.Lines[0].Num, s.Outputs()[i], b.Expected)
		}
	}
	return s
}

func TestLanguageFiles(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txt")
	if len(paths) == 0 {
		t.Fatal("no files in testdata")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { compareFile(t, path, buildFake) })
	}
}

// Every form compiles, every verb has a help page, and every example is a valid scenario that runs.
func TestVerbsExplainThemselves(t *testing.T) {
	for _, v := range Verbs() {
		t.Run(v.Name, func(t *testing.T) {
			for _, form := range v.Forms {
				compileForm(form)
			}
			for _, k := range v.Keys {
				if kindOf(k.Kind) == nil {
					t.Errorf("key %s has no kind %s", k.Name, k.Kind)
				}
			}
			if v.Doc == "" || v.Example == "" || v.Group == "" {
				t.Error("something is not said")
			}
			for line := range strings.Lines(v.Help()) {
				if n := len([]rune(line)); n > 81 && !strings.Contains(line, "|") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			for line := range strings.Lines(v.Example) {
				src := "cluster brokers=3 controllers=3\n"
				switch v {
				case verbCluster:
					src = ""
				case verbTopic, verbAt, verbPin, verbOff, verbKeep, verbSalt:
				default:
					src += "topic orders partitions=2\n"
				}
				s, _ := play(t, src+line, RunOptions{Work: func(*Hand) {}})
				if !s.Over() {
					t.Errorf("%s did not end", line)
				}
			}
		})
	}
}

// An error gives the position, the word and the nearest valid word. All errors of a file are reported at once.
func TestLoadErrors(t *testing.T) {
	const head = "cluster brokers=3 controllers=1\ntopic orders partitions=2\nproduce p1 orders-0 acks=1 x\n"
	for _, c := range []struct{ line, want string }{
		{"cutt b1 -> b2", `4:1: no verb "cutt" (did you mean "cut"?)`},
		{"kill b1", `4:1: no verb "kill" (did you mean "crash"?)`},
		{`"crash" b1`, `4:1: no verb "crash"`},
		{"cut b1 => b2", `4:8: cut takes -> or <-> here, not "=>" (did you mean "->"?)`},
		{"cut b1 -> b4", `4:11: no machine "b4": there are b1 to b3, c1 and the clients p1 (did you mean "b1"?)`},
		{"cut b1", `4:7: cut needs -> or <-> here; usage: cut A -> B`},
		{"delete records orders-0 before", `4:31: delete needs an offset here; usage: delete records TP [before OFFSET]`},
		{"delete", `4:7: delete needs topic or records here; usage: delete topic TOPIC`},
		{"run until quiet of", `4:19: run needs machines such as b1 or b2,b3 here; usage: run until quiet [of HOSTS] [within TIME]`},
		{"run until quiet of p1", `4:20: p1 is a client, and quiet is of brokers and controllers`},
		{"run until quiet of b1,p1", `4:20: p1 is a client, and quiet is of brokers and controllers`},
		{"drain orders-0", `4:7: "orders-0" looks like a partition; a client needs a name of its own, such as p1`},
		{"drain other-12", `4:7: "other-12" looks like a partition; a client needs a name of its own, such as p1`},
		{"drain orders", `4:7: "orders" is a topic; a client needs a name of its own, such as p1`},
		{"finalise metadata.version", `4:10: finalise takes FEATURE=LEVEL here, not "metadata.version"`},
		{"topic one\nconsume r1 one-1", `5:12: topic one has 1 partition, the last is one-0`},
		{"grow orders too 5", `4:13: grow takes to here, not "too" (did you mean "to"?)`},
		{"finalise metadata.versoin=20", `4:10: no feature config "metadata.versoin" (did you mean "metadata.version"?)`},
		{"crash b1 pwoer", `4:10: crash takes power, the end of the line or inside here, not "pwoer" (did you mean "power"?)`},
		{"crash leader:ordrs-0", `4:7: no topic "ordrs" above this line`},
		{"crash b1 b2", `4:10: crash takes power, the end of the line or inside here, not "b2"`},
		{"slow b1 -> b2 by 40", `4:18: "40" is not a span of time`},
		{"slow b1 -> b2 by -40ms", `4:18: a delay cannot be negative`},
		{"produce p1 ordres-0 x", `4:12: no topic "ordres" above this line (did you mean "orders-0"?)`},
		{"produce p1 orders-2 x", `4:12: topic orders has 2 partitions, the last is orders-1`},
		{"elect preferred orders", `4:17: "orders" is no partition: write topic-number, such as orders-0 (did you mean "orders-0"?)`},
		{"produce b1 orders-0 x", `4:9: "b1" is a machine of the cluster; a client needs a name of its own, such as p1`},
		{"produce p1 orders-0 acks=all x", `4:21: p1 was made on line 3 without acks=all, and a client keeps its configs; name another client`},
		{"produce p1 orders-0 a9..a1", `4:21: the range a9..a1 goes backwards`},
		{"produce p1 orders-0 a1..a99999", `4:21: the range a1..a99999 has more than 10000 values`},
		{"produce p1 orders-0 a1..a6000 b1..b6000", `4:31: the values of this line are more than 10000`},
		{"topic orders", `4:7: there is a topic "orders" already`},
		{"topic a/b", `4:7: "a/b" is no topic name`},
		{"topic more replicas=4", `4:12: 4 replicas need as many brokers; there are 3`},
		{"topic more on=1,1", `4:12: on: broker 1 occurs twice in 1,1`},
		{"topic more on=1,2 replicas=3", `4:12: on= and replicas= disagree`},
		{"topic more partitions=two", `4:12: partitions: "two" is no number from 1 to 1000`},
		{"topic more partitions=2 partitions=3", `4:25: partitions is given twice`},
		{"crash b1 power=yes", `4:10: crash knows no power=; put the word into quotes if it is a value`},
		{"cluster brokers=3", `4:1: there is a cluster already`},
		{"run until leadr orders-0", `4:11: run takes leader, leaderless, isr, controller, down, hw, epoch, truncated, quiet or time here, not "leadr" (did you mean "leader"?)`},
		{"run until isr orders-0 1,4", `4:24: no broker "4": there are 1 to 3`},
		{"run until hw orders-0 > 3", `4:23: run takes >= here, not ">"`},
		{"show clster", `4:6: "clster" is no partition`},
		{"expect acked-durible held", `4:8: no check "acked-durible"; samsa list checks names them (did you mean "acked-durable"?)`},
		{"expect acked-durable hold", `4:22: no status "hold" (did you mean "held"?)`},
		{"at 1s show cluster", `4:7: show cannot be given a time`},
		{"clock b1 skwe 5s", `4:10: clock takes skew, step, drift or monotonic-drift here, not "skwe" (did you mean "skew"?)`},
		{"disk b1 slow", `4:9: slow needs a delay`},
		{"consume r1 orders-0 from 7..3", `4:26: "7..3" is no offset, no range such as 3..7`},
		{"saw partition.leeds", `4:5: no note "partition.leeds"; samsa list notes names them (did you mean "partition.leads"?)`},
		{"topic more min.insync.replica=2", `4:12: no topic config "min.insync.replica" (did you mean "min.insync.replicas"?)`},
		{"topic more acks=1", `4:12: no topic config "acks"; it is one of: producer`},
		{"topic more partition=2", `4:12: no topic config "partition" (did you mean "partitions"?)`},
		{"topic more cleanup.policy=compat", `4:12: Invalid value compat for configuration cleanup.policy`},
		{"produce p2 orders-0 acks=2 x", `4:21: Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1`},
		{"produce p2 orders-0 linger.ms=-1 x", `4:21: Invalid value -1 for configuration linger.ms: Value must be at least 0`},
		{"config topic orders num.io.threads=2", `4:21: no topic config "num.io.threads"; it is one of: broker`},
		{"config brokers retention.ms=5", `4:16: no broker or controller config "retention.ms"`},
		{"pin net.loss b 1 -1", `4:18: "-1" is no number from 0 to 2^64-1`},
	} {
		_, err := Load("x", []byte(head+c.line+"\n"))
		if err == nil || !strings.Contains(err.Error(), "scenario x:"+c.want) {
			t.Errorf("%s\ngives %v\nwant  %s", c.line, err, c.want)
		}
	}
	_, err := Load("x", []byte("topic orders\nshow orders-0\ncrahs b1\n"))
	for _, want := range []string{"x:1:1: the first verb must be cluster", "x:3:1: no verb"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := Load("x", []byte("# only a story\n")); err == nil || !strings.Contains(err.Error(), "no verb in this file") {
		t.Errorf("an empty file gives %v", err)
	}
}

// A wait until a client is down is valid, and so is a client that is older than a topic of its name.
func TestClientsKeepTheirNames(t *testing.T) {
	const src = "cluster brokers=3\ntopic orders\nproduce p1 orders-0 x\ntopic p1\nproduce p1 p1-0 y\nrun until quiet of b1,c1\n" +
		"crash p1\nrun until down p1\n"
	if _, err := Load("x", []byte(src)); err != nil {
		t.Error(err)
	}
	if got := verbFinalise.Help(); !strings.Contains(got, "finalise [FEATURE=LEVEL...]") || strings.Contains(got, "CONFIG=VALUE") {
		t.Errorf("its help is\n%s", got)
	}
}

// A misspelt config of a topic does not make every later line about that topic wrong.
func TestOneMistakeOneMessage(t *testing.T) {
	for _, src := range []string{
		"cluster\ntopic orders partitions=many\nshow orders-0\n",
		strings.Repeat("# long\n", 200_000), // must not also report that the file has no verb
		"\xff\n",
	} {
		_, err := Load("x", []byte(src))
		if es, ok := err.(Errors); !ok || len(es) != 1 {
			t.Errorf("%.8q gives %v", src, err)
		}
	}
}

// An error names the verb to look up in help.
func TestErrorsNameTheirVerb(t *testing.T) {
	for src, want := range map[string]string{
		"cluster\ncrahs b1\n":                  "", // there is no such verb
		"cluster\ncrash b1 powr\n":             "crash",
		"cluster\ntopic orders partitions=x\n": "topic",
		"crash b1\n":                           "cluster", // the missing verb
	} {
		_, err := Load("x", []byte(src))
		if es, ok := err.(Errors); !ok || es[0].Verb != want {
			t.Errorf("%q: %v, want the verb %q", src, err, want)
		}
	}
}

func TestFaultsReachTheCluster(t *testing.T) {
	_, f := play(t, `cluster brokers=3 controllers=1
topic orders on=2,1,3
produce p1 orders-0 acks=all linger.ms=0 x
cut b1 -> b2,b3
cut leader:orders-0 <-> controllers
slow p1 -> b1 by 1.5s
heal b1 -> b2
clock b3 step -2s
disk b1,b2 slow by 80ms for 5s on orders-0
stop follower:orders-0
start brokers
start b1,c1 for good
pause controller
config topic orders retention.ms=1000
`, RunOptions{Set: nil})
	want := []string{
		"client p1 acks=all linger.ms=0",
		"cut b1 b2", "cut b1 b3", "cut b1 c1", "cut c1 b1", "slow p1 b1 1.5s", "heal b1 b2", "clock b3 step -2s",
		"disk b1 slow 80ms 5s orders-0", "disk b2 slow 80ms 5s orders-0", "stop b2", "start b1", "start b2", "start b3", "keep b1", "keep c1", "pause c1",
		"config orders set retention.ms=1000",
	}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls\n%s\nwant\n%s", strings.Join(f.calls, "\n"), strings.Join(want, "\n"))
	}
	if on := f.topics[0].spec; len(on.On) != 3 || on.On[0] != 2 || on.Replicas != 3 {
		t.Errorf("topic %+v", on)
	}
}

// Timed lines run at their time, even if it is after the last line. A wait ends exactly at its time.
func TestTimedLines(t *testing.T) {
	s, f := play(t, `cluster brokers=3 controllers=1 seed=5
pin net.jitter b1>b2 17 3
at 7s start b1
at 5s crash b1
topic orders
at 2s produce p1 orders-0 x
wait 2s
show cluster
----
`, RunOptions{})
	if !slices.Equal(f.calls, []string{"client p1", "crash b1", "start b1"}) {
		t.Errorf("calls %v", f.calls)
	}
	var times []string
	for _, e := range s.Entries() {
		if e.Kind == EntryVerb {
			times = append(times, e.Line.Verb.Text+" "+formatDuration(e.Time))
		}
	}
	want := []string{"cluster 0s", "topic 0s", "wait 1s", "produce 2s", "show 3s", "crash 5s", "start 7s"}
	if !slices.Equal(times, want) {
		t.Errorf("times %v, want %v", times, want)
	}
	if f.options.Seed != 5 || !slices.Equal(f.options.Overrides, []Override{{Kind: sim.Pin, Site: "net.jitter", Entity: "b1>b2", Ordinal: 17, Value: 3}}) {
		t.Errorf("options %+v", f.options)
	}
	if out := s.Outputs()[0]; strings.Contains(out, "acked") || !strings.Contains(out, "b1   broker     up") {
		t.Errorf("a timed line printed into a block:\n%s", out)
	}
}

// Seek backwards runs the scenario again. The world at a step is the same either way.
func TestSeek(t *testing.T) {
	src, err := os.ReadFile("testdata/failover.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := load(t, string(src))
	forward := New(p, RunOptions{Build: buildFake})
	var hashes []uint64
	for {
		more, err := forward.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		hashes = append(hashes, forward.cluster.Hash())
	}
	if len(hashes) < 2 || !forward.Over() {
		t.Fatalf("%d steps", len(hashes))
	}
	back := forward
	for i := len(hashes) - 1; i >= 0; i-- {
		if back, err = back.Seek(uint64(i + 1)); err != nil {
			t.Fatal(err)
		}
		if back.Position() != uint64(i+1) || back.cluster.Hash() != hashes[i] {
			t.Errorf("step %d: at %d with hash %x, want %x", i+1, back.Position(), back.cluster.Hash(), hashes[i])
		}
	}
	if met, _ := back.RunUntil(1 << 40); met || !back.Over() {
		t.Error("a step beyond the end was reached")
	}
}

// On a real cluster, Seek reaches every step of the story, from the last to the first.
func TestSeekInTheWorld(t *testing.T) {
	src, _ := Source("leader-failover")
	s := New(load(t, string(src)), RunOptions{})
	var hashes []uint64
	for {
		more, err := s.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		hashes = append(hashes, s.cluster.Hash())
	}
	for i := len(hashes) - 1; i >= 0; i -= 3 {
		var err error
		if s, err = s.Seek(uint64(i + 1)); err != nil {
			t.Fatal(err)
		}
		if s.cluster.Hash() != hashes[i] {
			t.Errorf("step %d has hash %x going back and %x going forward", i+1, s.cluster.Hash(), hashes[i])
		}
	}
}

func TestVerdicts(t *testing.T) {
	build := func(status check.Status) func(cluster.Options) (observe.Cluster, error) {
		return func(o cluster.Options) (observe.Cluster, error) { f := newFake(o); f.status = status; return f, nil }
	}
	run := func(src string, o RunOptions) *Verdict {
		v, err := New(load(t, src), o).Finish()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	const src = "cluster\ntopic orders\nproduce p1 orders-0 a\n"
	seven := uint64(7)
	for _, c := range []struct {
		src  string
		o    RunOptions
		want check.Status
		stop string
		why  StopReason
	}{
		{src, RunOptions{Build: build(check.Held)}, check.Held, "", NotStopped},
		{src, RunOptions{Build: build(check.Priced), Seed: &seven}, check.Held, "", NotStopped},
		{src, RunOptions{Build: build(check.Violated)}, check.Violated, "", NotStopped},
		{src, RunOptions{Build: build(check.Held), Events: 1}, check.Unknown, "the budget of 1 events is spent", StopBudget},
		{src + "run until isr orders-0 1 within 3s\n", RunOptions{Build: build(check.Held)}, check.Unknown, "line 4: run until isr orders-0 1 within 3s: not so after", StopPatience},
		{src + "run until isr orders-0 1 within 3s\n", RunOptions{Build: build(check.Violated)}, check.Violated, "line 4", StopPatience},
	} {
		v := run(c.src, c.o)
		if v.Status != c.want || !strings.Contains(v.Stopped, c.stop) || c.stop == "" && v.Stopped != "" || v.Reason != c.why {
			t.Errorf("%s: %v, stopped %q, want %v, %q (%s)", c.src, v.Status, v.Stopped, c.want, c.stop, c.why)
		}
		if c.o.Seed != nil && v.Seed != 7 {
			t.Errorf("seed %d", v.Seed)
		}
	}
	// Reading the verdict during the run changes nothing.
	s := New(load(t, src), RunOptions{Build: build(check.Held)})
	if _, err := s.RunUntil(1); err != nil {
		t.Fatal(err)
	}
	if v := s.Verdict(); v.Status != check.Unknown || v.Reason != StopUnfinished || s.Over() {
		t.Errorf("half way: %+v", v)
	}
	if v, _ := s.Finish(); v.Status != check.Held {
		t.Errorf("at the end: %+v", v)
	}
}

func TestClaims(t *testing.T) {
	s, _ := play(t, "cluster\ntopic orders\nsaw partition.leads\nsaw partition.leads by b2\nexpect acked-durable priced\nexpect acked-durable held\n", RunOptions{})
	var got []bool
	for _, c := range s.Verdict().Claims {
		got = append(got, c.OK)
	}
	if !slices.Equal(got, []bool{true, false, false, true}) {
		t.Errorf("claims %v", got)
	}
}

func TestDerivedSeeds(t *testing.T) {
	a, b := DerivedSeeds(7, 20), DerivedSeeds(7, 20)
	if !slices.Equal(a, b) {
		t.Error("not the same twice")
	}
	slices.Sort(a)
	if len(slices.Compact(a)) != 20 || slices.Contains(a, 7) {
		t.Errorf("seeds %v", a)
	}
}

func TestMachineNamesFitTheWorld(t *testing.T) {
	// A fault of a client that a later timed line creates does nothing.
	_, f := play(t, "cluster\ntopic orders\nat 9s produce p1 orders-0 x\ncrash p1\nwait 10s\ncrash p1\n", RunOptions{})
	if !slices.Equal(f.calls, []string{"client p1", "crash p1"}) {
		t.Errorf("calls %v", f.calls)
	}
	if f.now < 10*env.Second {
		t.Errorf("ended at %s", formatDuration(f.now))
	}
}
