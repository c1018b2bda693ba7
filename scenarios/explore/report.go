package explore

import (
	"cmp"
	"slices"
	"strconv"

	"samsa/check"
	"samsa/scenarios"
)

// Report lists the failures of a campaign and counts how much it tested. It depends on the seeds only. Seeds and hashes are
// strings, because numbers in JSON are exact only up to 2^53.
type Report struct {
	Schema      string         `json:"schema"` // "samsa.explore/1"
	Seed        string         `json:"seed"`   // the first seed
	Runs        int            `json:"runs"`
	Profile     Profile        `json:"profile"`
	Rules       []string       `json:"rules"`
	Decided     []DecidedCount `json:"decided"` // how often the old rules decided otherwise than today's
	Mode        string         `json:"mode"`
	Hash        string         `json:"hash"` // the hash of all runs' hashes, in order
	Interrupted bool           `json:"interrupted"`

	Events       Spread `json:"events"`
	VirtualMs    Spread `json:"virtual_ms"`
	AckedBatches Spread `json:"acked_batches"`
	AckedRecords Spread `json:"acked_records"`
	ReadRecords  Spread `json:"read_records"`
	AckedShare   Spread `json:"acked_permille"` // of the records sent with acks=all, over the runs that send enough of them
	LeaderMoves  Spread `json:"leader_moves"`
	// RunsWithMoves counts the runs in which a leader changed while acked writes were in flight.
	RunsWithMoves int `json:"runs_with_leader_moved_in_flight"`

	Verdicts   []Count      `json:"verdicts"`
	Checks     []CheckCount `json:"checks"`
	Faults     []FaultCount `json:"faults"`
	NeverFired []string     `json:"faults_never_fired"`
	// Operations counts the requests of operators. Cores counts, for each way in which machines were kept away after the
	// faults, the runs in which the other machines had to become quiet alone.
	Operations []OperationCount `json:"operations"`
	Cores      []CoreCount      `json:"cores"`
	Kinds      []Kind           `json:"kinds_of_failure"`
	// Known counts the findings about Kafka that happened. They are no failures, because Kafka does the same.
	Known []KnownCount `json:"known"`

	// BelowFloor says that the median of AckedShare is below leastAcked. Faults may keep some records from being
	// acknowledged. If most records are not acknowledged in most runs, the cluster does not serve, and it keeps its
	// promises to producers only because it makes none.
	BelowFloor bool `json:"below_floor"`

	hash   uint64
	shares []int64
	series [6][]int64 // the values from which the spreads are computed
	places map[string]int
}

// Spread is the sum, minimum, median and maximum of a number over all runs.
type Spread struct {
	Total  int64 `json:"total"`
	Min    int64 `json:"min"`
	Median int64 `json:"median"`
	Max    int64 `json:"max"`
}

// Count is the number of runs with one verdict.
type Count struct {
	Verdict Verdict `json:"verdict"`
	Runs    int     `json:"runs"`
}

// KnownCount counts the runs in which one finding about Kafka happened.
type KnownCount struct {
	Finding string   `json:"finding"` // the name of its scenario, see FINDINGS.md
	Runs    int      `json:"runs"`
	Checks  []string `json:"checks"` // the checks that met it, sorted
	Seeds   []string `json:"seeds"`  // the first few
}

// CheckCount counts the findings of a check by status. Violated leaves out the known violations.
type CheckCount struct {
	Check       string `json:"check"`
	Held        int    `json:"held"`
	Violated    int    `json:"violated"`
	Known       int    `json:"known"`
	Priced      int    `json:"priced"`
	Unknown     int    `json:"unknown"`
	Unexercised int    `json:"unexercised"`
}

// FaultCount counts how often a fault fired, and in how many runs.
type FaultCount struct {
	Fault string `json:"fault"`
	Count uint64 `json:"count"`
	Runs  int    `json:"runs"`
}

// OperationCount counts the operator's requests of one API, those that succeeded, and the runs in which at least one
// succeeded.
type OperationCount struct {
	API   string `json:"api"`
	Asked int64  `json:"asked"`
	Done  int64  `json:"done"`
	Runs  int    `json:"runs"`
}

// CoreCount is the number of runs in which machines were kept away in one way, see Core.
type CoreCount struct {
	Away Core `json:"away"`
	Runs int  `json:"runs"`
}

// Kind holds the failures that have one fingerprint.
type Kind struct {
	Verdict     Verdict  `json:"verdict"`
	Check       string   `json:"check"`
	Fingerprint string   `json:"fingerprint"`
	Example     string   `json:"example"` // the text of the failure on the first seed
	Runs        int      `json:"runs"`
	Seeds       []string `json:"seeds"` // the first few
	Files       []string `json:"files"` // scenario files, for some of the seeds
	Small       string   `json:"small"` // the small form of the first file; empty if there is none
}

// These constants say how many records of a campaign must be acknowledged. In the median run of the seeds 9001 to 9200,
// all records sent with acks=all are acknowledged, so half of them is a low bound.
const (
	leastAcked = 500 // permille, in the median run
	enoughSent = 20  // a run counts if it sends this many records with acks=all
	enoughRuns = 20  // a campaign is judged if this many of its runs count
)

// DecidedCount is the number of runs in which an old rule gave another answer to one question than today's rule does. If a
// campaign has none, it has not tested the old rule.
type DecidedCount struct {
	Rule string `json:"rule"` // the name of the question, a field of Rules: "MayJoin"
	Runs int    `json:"runs"`
}

// maxSeeds bounds the number of seeds that a kind lists.
const maxSeeds = 10

// NewReport returns the report of a campaign that has not begun.
func NewReport(c Campaign) *Report {
	r := &Report{
		Schema: "samsa.explore/1", Seed: strconv.FormatUint(c.Seed, 10), Profile: c.Profile, Rules: slices.Clone(c.Rules), Mode: c.Mode.String(),
		Checks: []CheckCount{}, NeverFired: []string{}, Decided: []DecidedCount{}, Kinds: []Kind{}, Known: []KnownCount{}, places: map[string]int{},
	}
	if r.Profile == "" {
		r.Profile = Mixed
	}
	if r.Rules == nil {
		r.Rules = []string{}
	}
	for _, c := range [...]Core{DeadStay, DeadCome, CutStay, CutCome} {
		r.Cores = append(r.Cores, CoreCount{Away: c})
	}
	r.Operations = []OperationCount{}
	for _, v := range verdicts {
		r.Verdicts = append(r.Verdicts, Count{v, 0})
	}
	for _, f := range scenarios.Faulty() {
		if f.Name != undrawn {
			r.Faults = append(r.Faults, FaultCount{Fault: f.Name})
		}
	}
	return r
}

// undrawn is a fault that campaigns omit, because Kafka itself loses acknowledged records with it (FINDINGS.md, scenario
// duplicate-id).
const undrawn = "process.duplicate-id"

// Add counts a result. Results must come in the order of their seeds.
func (r *Report) Add(x Result) {
	r.Runs++
	r.hash = mix(mix(r.hash, x.Seed), x.Hash)
	t := x.Tally
	for i, n := range [...]int64{int64(x.Events), x.Time / 1_000_000, t.AckedBatches, t.AckedRecords, t.ReadRecords, t.Moves} {
		r.series[i] = append(r.series[i], n)
	}
	if t.SentToAll >= enoughSent {
		r.shares = append(r.shares, 1000*t.AckedToAll/t.SentToAll)
	}
	if t.MovesInFlight > 0 {
		r.RunsWithMoves++
	}
	for _, question := range x.Decided {
		i := slices.IndexFunc(r.Decided, func(have DecidedCount) bool { return have.Rule == question })
		if i < 0 {
			i = len(r.Decided)
			r.Decided = append(r.Decided, DecidedCount{Rule: question})
		}
		r.Decided[i].Runs++
	}
	for i := range r.Verdicts {
		if r.Verdicts[i].Verdict == x.Verdict {
			r.Verdicts[i].Runs++
		}
	}
	for _, c := range x.Checks {
		i := slices.IndexFunc(r.Checks, func(have CheckCount) bool { return have.Check == c.Check })
		if i < 0 {
			i = len(r.Checks)
			r.Checks = append(r.Checks, CheckCount{Check: c.Check})
		}
		r.Checks[i].add(c)
	}
	for _, f := range t.Faults {
		i := slices.IndexFunc(r.Faults, func(have FaultCount) bool { return have.Fault == f.Name })
		if i >= 0 && f.Count > 0 {
			r.Faults[i].Count += f.Count
			r.Faults[i].Runs++
		}
	}
	for i, o := range t.Operations {
		if i == len(r.Operations) {
			r.Operations = append(r.Operations, OperationCount{API: o.API})
		}
		if n := &r.Operations[i]; o.Done > 0 {
			n.Asked, n.Done, n.Runs = n.Asked+o.Asked, n.Done+o.Done, n.Runs+1
		} else {
			n.Asked += o.Asked
		}
	}
	for i := range r.Cores {
		if r.Cores[i].Away == x.Core {
			r.Cores[i].Runs++
		}
	}
	for _, k := range x.Known {
		r.meet(k, x.Seed)
	}
	for i, f := range x.Failures {
		if f.Known == "" && !slices.ContainsFunc(x.Failures[:i], func(g Failure) bool { return g.Fingerprint() == f.Fingerprint() }) {
			r.fail(f, x.Seed)
		}
	}
}

// meet counts a finding about Kafka that happened on a seed.
func (r *Report) meet(k Known, seed uint64) {
	i, found := slices.BinarySearchFunc(r.Known, k.Finding, func(have KnownCount, name string) int { return cmp.Compare(have.Finding, name) })
	if !found {
		r.Known = slices.Insert(r.Known, i, KnownCount{Finding: k.Finding, Checks: []string{}, Seeds: []string{}})
	}
	n := &r.Known[i]
	n.Runs++
	for _, name := range k.Checks {
		if at, have := slices.BinarySearch(n.Checks, name); !have {
			n.Checks = slices.Insert(n.Checks, at, name)
		}
	}
	if len(n.Seeds) < maxSeeds {
		n.Seeds = append(n.Seeds, strconv.FormatUint(seed, 10))
	}
}

// fail adds a failure to its kind.
func (r *Report) fail(f Failure, seed uint64) {
	print := f.Fingerprint()
	at, ok := r.places[print]
	if !ok {
		at = len(r.Kinds)
		r.places[print] = at
		r.Kinds = append(r.Kinds, Kind{Verdict: f.Verdict, Check: f.Check, Fingerprint: print, Example: f.Text, Seeds: []string{}, Files: []string{}})
	}
	k := &r.Kinds[at]
	k.Runs++
	if len(k.Seeds) < maxSeeds {
		k.Seeds = append(k.Seeds, strconv.FormatUint(seed, 10))
	}
}

// Of returns the kind to which a failure was added, or nil.
func (r *Report) Of(f Failure) *Kind {
	if at, ok := r.places[f.Fingerprint()]; ok {
		return &r.Kinds[at]
	}
	return nil
}

// Finish computes the figures that need all runs.
func (r *Report) Finish() {
	for i, to := range []*Spread{&r.Events, &r.VirtualMs, &r.AckedBatches, &r.AckedRecords, &r.ReadRecords, &r.LeaderMoves} {
		*to = spread(r.series[i])
	}
	r.AckedShare = spread(r.shares)
	r.BelowFloor = len(r.shares) >= enoughRuns && r.AckedShare.Median < leastAcked
	r.Hash = strconv.FormatUint(r.hash, 16)
	r.NeverFired = []string{}
	for _, f := range r.Faults {
		if f.Count == 0 {
			r.NeverFired = append(r.NeverFired, f.Fault)
		}
	}
}

// Count returns the number of runs with a verdict.
func (r *Report) Count(v Verdict) int {
	for _, c := range r.Verdicts {
		if c.Verdict == v {
			return c.Runs
		}
	}
	return 0
}

func (c *CheckCount) add(j Judged) {
	switch j.Status {
	case check.Held:
		c.Held++
	case check.Violated:
		if j.Known {
			c.Known++
			return
		}
		c.Violated++
	case check.Priced:
		c.Priced++
	case check.Unknown:
		c.Unknown++
	case check.Unexercised:
		c.Unexercised++
	}
}

func spread(values []int64) (s Spread) {
	if len(values) == 0 {
		return s
	}
	sorted := slices.Sorted(slices.Values(values))
	s.Min, s.Median, s.Max = sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1]
	for _, v := range sorted {
		s.Total += v
	}
	return s
}

// mix adds a number to a hash (FNV-1a over its bytes).
func mix(h, x uint64) uint64 {
	if h == 0 {
		h = 0xCBF29CE484222325
	}
	for range 8 {
		h = (h ^ x&0xFF) * 0x100000001B3
		x >>= 8
	}
	return h
}
