package scenarios

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"samsa/sim"
	"samsa/sim/env"
)

// The lines of a file reach the world as overrides, in order.
func TestOverridesAreRead(t *testing.T) {
	p := load(t, `cluster
off net.reset
pin disk.slow b1 120 0
keep net.jitter b1>b2 3,17..19
salt 0x7
salt client.backoff 8 from 1.5s
salt 9 from step 41
salt client.backoff 10 from step 42
`)
	want := []Override{
		{Kind: sim.Off, Site: "net.reset"},
		{Kind: sim.Pin, Site: "disk.slow", Entity: "b1", Ordinal: 120},
		{Kind: sim.Keep, Site: "net.jitter", Entity: "b1>b2", Ordinal: 3},
		{Kind: sim.Keep, Site: "net.jitter", Entity: "b1>b2", Ordinal: 17},
		{Kind: sim.Keep, Site: "net.jitter", Entity: "b1>b2", Ordinal: 18},
		{Kind: sim.Keep, Site: "net.jitter", Entity: "b1>b2", Ordinal: 19},
		{Kind: sim.Salt, Value: 7},
		{Kind: sim.Salt, Site: "client.backoff", Value: 8, From: sim.Time(1500 * env.Millisecond)},
		{Kind: sim.Salt, Value: 9, Step: 41},
		{Kind: sim.Salt, Site: "client.backoff", Value: 10, Step: 42},
	}
	if !slices.Equal(p.Overrides, want) {
		t.Errorf("overrides\n%v, want\n%v", p.Overrides, want)
	}
}

func TestOverrideErrors(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"off net.jiter", `1:5: no site is called "net.jiter"; samsa list sites names them (did you mean "net.jitter"?)`},
		{"pin net.resets b1>b2 0 0", `1:5: no site is called "net.resets"; samsa list sites names them (did you mean "net.reset"?)`},
		{"off", `1:4: off needs the name of a decision here; usage: off SITE`},
		{"off net.jitter b1", `1:16: off takes the end of the line here, not "b1"`},
		{"keep net.jitter b1", `1:19: keep needs ordinals such as 3,17..20 here; usage: keep SITE ENTITY ORDINALS`},
		{"keep net.jitter b1 3..", `1:20: "3.." is no ordinal and no range such as 17..20`},
		{"keep net.jitter b1 9..3", `1:20: "9..3" is no ordinal and no range such as 17..20`},
		{"keep net.jitter b1 1,-2", `1:20: "-2" is no ordinal`},
		{"keep net.jitter b1 0..10000", `1:20: "0..10000" names more than 10000 ordinals`},
		{"keep net.jitter b1 0..4611686018427387904", `1:20: "0..4611686018427387904" names more than 10000 ordinals`},
		{"keep net.jitter b1 0..5000,0..5000", `1:20: "0..5000,0..5000" names more than 10000 ordinals`},
		{"salt net.jitr 7", `1:6: no site is called "net.jitr"`},
		{"salt 7 form 2s", `1:8: salt takes from or the end of the line here, not "form" (did you mean "from"?)`},
		{"salt 7 from", `1:12: salt needs a time since the start such as 1.2s or step here; usage: salt SALT [from TIME]`},
		{"salt 7 from stpe 3", `"stpe" is not a span of time such as 40ms, 1.2s or 1m30s (did you mean "step"?)`},
		{"salt 7 from step", `1:17: salt needs a number here; usage: salt SALT from step COUNT`},
		{"salt 7 from step 0", `1:18: "0" is no number from 1 to 1000000`},
		{"at 2s salt 7", `1:7: salt cannot be given a time`},
	} {
		_, err := Load("x", []byte(c.line+"\ncluster\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.line, err, c.want)
		}
	}
}

// The table has exactly the sites in the source.
func TestSitesAreThoseOfTheSource(t *testing.T) {
	var want []string
	for _, s := range sim.Sites() {
		want = append(want, string(s))
	}
	call := regexp.MustCompile(`\.Choose\("([^"]+)"`)
	for _, dir := range []string{"broker", "client", "controller", "controller/raft", "coordinator", "groups", "replication", "storage", "txn"} {
		paths, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range call.FindAllStringSubmatch(string(src), -1) {
				if !strings.HasSuffix(path, "_test.go") {
					want = append(want, m[1])
				}
			}
		}
	}
	slices.Sort(want)
	if got, want := siteNames(nil), slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("sites are\n%s, the source has\n%s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

// decided runs a small cluster with some extra lines and returns its session and verdict.
func decided(t *testing.T, lines string) (*Session, *Verdict) {
	t.Helper()
	s := New(load(t, lines+"cluster brokers=3 controllers=3 seed=4 noise=rough\ntopic orders partitions=1 replicas=3\n"+
		"produce p1 orders-0 a b c\nwait 5s\n"), RunOptions{})
	v, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// times returns the times in a session's story.
func times(s *Session) (all []env.Duration) {
	for _, e := range s.Entries() {
		all = append(all, e.Time)
	}
	return all
}

// story returns the notes of a session's story up to a step.
func story(s *Session, step uint64) (all []Note) {
	for _, e := range s.Entries() {
		if e.Kind == EntryNote && e.Step <= step {
			all = append(all, e.Note)
		}
	}
	return all
}

// Each verb changes the run unless its line changes no decision.
func TestOverridesMoveARun(t *testing.T) {
	plain, seed := decided(t, "")
	_, again := decided(t, "keep net.stall b1>b2 1000000\nsalt 0\nsalt net.jitter 5 from 1h\n")
	if len(again.Claims) != 2 { // the sites exist, but the ordinal and the time never occur
		t.Errorf("claims %+v", again.Claims)
	}
	for _, c := range []struct{ name, lines string }{
		{"off", "off net.jitter\n"}, {"keep", "keep net.jitter b1>b2 0..50\n"}, {"salt", "salt 1\n"}, {"another salt", "salt 2\n"},
		{"salt of a site", "salt raft.election-timeout 1\n"},
	} {
		_, v := decided(t, c.lines)
		if v.Hash == seed.Hash {
			t.Errorf("%s changed nothing", c.name)
		}
		if v.Status != seed.Status || v.Stopped != "" {
			t.Errorf("%s: %v, stopped %q, claims %+v", c.name, v.Status, v.Stopped, v.Claims)
		}
	}
	_, off := decided(t, "off net.jitter\n")
	_, none := decided(t, "keep net.jitter nowhere 1\n")
	if off.Hash != none.Hash {
		t.Error("to keep what nothing asks for is not to switch the site off")
	}

	const from = 3 * env.Second
	salted, later := decided(t, "salt 1 from 3s\n")
	if later.Hash == seed.Hash {
		t.Error("a salt from 3 s on changed nothing")
	}
	stepped, _ := decided(t, "salt 1 from step 6\n")
	if a, b := story(plain, 6), story(stepped, 6); len(a) < 6 || !slices.Equal(a, b) || slices.Equal(times(plain), times(stepped)) {
		t.Errorf("up to step 6 the story is\n%v, with a salt from then on\n%v", a, b)
	}
	before := func(all []env.Duration) []env.Duration {
		return slices.DeleteFunc(all, func(at env.Duration) bool { return at >= from })
	}
	if a, b := before(times(plain)), before(times(salted)); len(a) < 5 || !slices.Equal(a, b) {
		t.Errorf("before 3 s the story has times\n%v, with a salt from then on\n%v", a, b)
	}
}

// A line that changed nothing is a failed claim at the end.
func TestOverridesThatChangedNothing(t *testing.T) {
	for line, want := range map[string]string{
		"pin net.jitter b1>nowhere 0 0":           "this run made no such decision",
		"off client.sticky":                       "this run made no such decision",
		"keep net.jitter b1>nowhere 0,5":          "this run made none of these decisions",
		"keep net.distance b1>b2 0,5,7":           "this run made no decision at 5, 7",
		"salt broker.incarnation 7 from 100s":     "this run made no such decision after 100s",
		"salt 7 from 1h":                          "this run made no such decision after 3600s",
		"salt 7 from step 4000":                   "this run made no such decision after step 4000",
		"salt 7 from step 3":                      "",
		"salt client.sticky 7":                    "this run made no such decision",
		"off net.jitter":                          "",
		"keep net.distance b1>b2 0":               "",
		"pin raft.election-timeout c1 0 5":        "",
		"salt raft.election-timeout 7 from 100ms": "",
	} {
		_, v := decided(t, line+"\n")
		got := ""
		for _, c := range v.Claims {
			if c.OK || c.Line.Num != 1 {
				t.Errorf("%s: claim %+v", line, c)
			}
			got += c.Text
		}
		if want != "" {
			want = line + ": " + want
		}
		if got != want {
			t.Errorf("%s: claims %q, want %q", line, got, want)
		}
	}
}
