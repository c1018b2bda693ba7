package scenarios

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A command about one failure takes the one that the file was saved for, then that of the old rule, then the worst. If the one
// that the file was saved for is gone, no other takes its place, unless its check is named.
func TestSubject(t *testing.T) {
	electable := Failure{Verdict: ClassViolated, Check: "acked-electable", Kind: "follower"}
	durable := Failure{Verdict: ClassViolated, Check: "acked-durable", Kind: "leader"}
	other := Failure{Verdict: ClassViolated, Check: "acked-durable", Kind: "follower"}
	stuck := Failure{Verdict: ClassStuck, Check: OfRest, Kind: "a broker is fenced"}
	spent := Failure{Verdict: ClassUndecided, Check: OfBudget}
	bug := Failure{Verdict: ClassInternal, Check: OfSoundness}
	for name, c := range map[string]struct {
		found string
		run   []Failure
		rules []string
		check string
		want  *Failure
		error string
	}{
		"a found line":             {"found acked-durable kind=\"leader\"", []Failure{bug, electable, durable}, nil, "", &durable, ""},
		"the second found line":    {"found hw-justified\nfound quiet", []Failure{electable, stuck}, nil, "", &stuck, ""},
		"any kind":                 {"found acked-durable", []Failure{electable, other}, nil, "", &other, ""},
		"a spent budget":           {"found budget", []Failure{durable, spent}, nil, "", &spent, ""},
		"another kind":             {"found acked-durable kind=\"leader\"", []Failure{electable, other}, nil, "", nil, "the failure of its found line is gone: acked-durable: leader. It fails with acked-electable: follower; acked-durable: follower instead"},
		"another kind, named":      {"found acked-durable kind=\"leader\"", []Failure{electable, other}, nil, "acked-durable", &other, ""},
		"two kinds, named":         {"found acked-durable kind=\"leader\"", []Failure{other, durable}, nil, "acked-durable", &durable, ""},
		"all gone":                 {"found hw-justified\nfound quiet kind=\"x\"", []Failure{electable, electable}, nil, "", nil, "the failure of its found line is gone: hw-justified; quiet: x. It fails with acked-electable: follower instead"},
		"nothing fails":            {"found hw-justified", nil, nil, "", nil, "the run does not fail"},
		"nothing fails, named":     {"", nil, nil, "quiet", nil, "the run has no failure of quiet, and no other failure"},
		"another check":            {"found acked-durable", []Failure{durable}, nil, "quiet", nil, "the run has no failure of quiet; it fails with acked-durable: leader"},
		"of the rule":              {"", []Failure{electable, durable}, []string{"M1"}, "", &durable, ""},
		"a bug, and of the rule":   {"", []Failure{durable, bug}, []string{"M1"}, "", &bug, ""},
		"of a rule that is not on": {"", []Failure{electable, durable}, nil, "", &electable, ""},
		"the worst":                {"", []Failure{spent, stuck, durable}, nil, "", &durable, ""},
		"the next worst":           {"", []Failure{spent, stuck}, nil, "", &stuck, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, "cluster\n"+c.found+"\n").Subject(c.run, c.rules, c.check)
			if c.want != nil {
				require.NoError(t, err)
				require.Equal(t, *c.want, got)
				return
			}
			require.EqualError(t, err, c.error)
			var none *SubjectError
			require.True(t, errors.As(err, &none))
			require.Equal(t, c.check == "" && len(c.run) > 0, len(none.Gone) > 0)
		})
	}
}

// The mark of a finding about Kafka is no part of what a found line compares: a failure that has become known, or is known no
// more, is the same one.
func TestFoundLinesIgnoreTheMarkOfAFinding(t *testing.T) {
	news := Failure{Verdict: ClassViolated, Check: "acked-durable", Kind: "leader of a partition: cut it"}
	known := news
	known.Known, known.Kind = "skipped-epoch", news.Kind+knownMark+"skipped-epoch"
	another := known
	another.Kind = "leader of a partition: never had it" + knownMark + "skipped-epoch"
	for _, c := range []struct {
		saved, now Failure
		want       FoundState
	}{
		{news, known, StillThere}, {known, news, StillThere}, {known, known, StillThere}, {news, another, Gone}, {another, news, Gone}, {another, known, Gone},
	} {
		p := load(t, "cluster\n"+c.saved.FoundLine(7, 0, "v1")+"\n")
		r := foundIn(p, &Verdict{Failures: []Failure{c.now}})[0]
		require.Equal(t, c.want, r.State, "saved %s, now %s", c.saved.Fingerprint(), c.now.Fingerprint())
		require.Equal(t, c.saved.Fingerprint(), r.Fingerprint(), "the mark is shown as it was saved")
		_, err := p.Subject([]Failure{c.now}, nil, "")
		require.Equal(t, c.want == StillThere, err == nil)
		now := load(t, "cluster\n"+c.now.FoundLine(7, 0, "v1")+"\n").Found()[0]
		require.Equal(t, c.want == StillThere, p.Found()[0].Same(now))
	}
}
