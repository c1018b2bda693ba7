package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/scenarios"
)

// question is a decision for which an old rule exists. It holds the IDs of the old rules that decide it, and today's
// answer in words.
type question struct {
	rules []string
	today string
}

// questions has the question for each field of a type Rules. The key is the name of the field.
var questions = map[string]question{ //immutable: a table
	"TruncateOnFollow":   {[]string{"M1"}, "today a new follower truncates nothing before its first fetch, which finds where the logs diverge"},
	"EpochEnd":           {[]string{"M2"}, "today the leader answers with the largest epoch that it has itself, and where that ends"},
	"Admit":              {[]string{"M3"}, "today a fetch with another leader epoch than the leader's is refused"},
	"MayJoin":            {[]string{"M6"}, "today a follower joins only when it has also reached the start of the leader's epoch"},
	"PositionCounts":     {[]string{"M9"}, "today the offset of a fetch counts only if the logs do not diverge below it"},
	"MaximalISR":         {[]string{"M20", "M22"}, "today the high watermark waits for every replica that the ISR has before or after a change in flight"},
	"MayAdvanceHW":       {[]string{"M29"}, "today the high watermark does not move while the ISR is smaller than min.insync.replicas"},
	"SameIncarnation":    {[]string{"M24", "M23"}, "today only the incarnation that fetched may join, and its broker epoch tells"},
	"MayJoinISR":         {[]string{"M23"}, "today a broker that is fenced or shuts down may not join an ISR"},
	"Outdated":           {[]string{"M26"}, "today a proposal that is based on an older partition epoch is refused"},
	"CleanRestart":       {[]string{"M28"}, "today a broker that did not shut down cleanly leaves every ELR when it registers"},
	"MayLeadLastKnown":   {[]string{"M30"}, "today the last known leader is elected only if it is active"},
	"LeaveOnRestart":     {[]string{"M39"}, "today a broker leaves every ISR when a new incarnation of it registers"},
	"RefuseDuplicate":    {[]string{"K21", "M39"}, "today a second incarnation is refused while the session of the first is valid"},
	"AnswerCommitted":    {[]string{"K22"}, "today a response waits until its records are committed"},
	"Owner":              {[]string{"M37"}, "today a log belongs to the topic id in its directory, whatever topic has its name now"},
	"MayLead":            {nil, "today a broker does not lead by an image from before its registration"},
	"MayServe":           {[]string{"M43"}, "today requests wait until the broker is unfenced"},
	"IsCurrent":          {[]string{"M10"}, "today a follower drops a response if its log or its leader epoch has changed since the request"},
	"Outcome":            {[]string{"M42"}, "today the response has the partition's error"},
	"FailWaiting":        {[]string{"M42"}, "today a waiting produce fails when its leader loses the leadership"},
	"MayExpose":          {[]string{"K3"}, "today a leader commits a record of an older epoch only with one of its own"},
	"MayTruncateBelow":   {[]string{"K4"}, "today a voter stops rather than truncate below its high watermark"},
	"CheckQuorum":        {[]string{"K5"}, "today a leader without fetches from a majority resigns"},
	"PreVote":            {[]string{"K6"}, "today a voter asks for pre-votes before it raises the epoch"},
	"ElectionTimeout":    {[]string{"K7"}, "today the time before an election is random"},
	"ResumeLead":         {[]string{"K1"}, "today a voter that was leader resigns when it starts"},
	"FlushFirst":         {[]string{"K2", "K1"}, "today a voter flushes its log before its records count towards the majority"},
	"SyncVote":           {[]string{"K13"}, "today a voter syncs its vote before it answers"},
	"TakeMarkerFirst":    {[]string{"M35"}, "today the clean-shutdown marker is deleted before the logs are loaded"},
	"TrimEpochsAtEnd":    {[]string{"M8"}, "today a truncation removes the epochs that start at its end"},
	"FailOnIndexError":   {[]string{"M34"}, "today a log goes offline when its index cannot be written"},
	"StayOffline":        {nil, "today a log refuses every change after a failed disk operation"},
	"SyncSnapshots":      {[]string{"I10"}, "today a producer snapshot is synced before the recovery point passes it"},
	"ReloadProducers":    {[]string{"I16"}, "today a truncation rebuilds the producer table"},
	"BoundFollowerEpoch": {nil, "today a follower stops at the first batch of a newer epoch than its fetch"},
	"DurableNames":       {nil, "today file names and lengths are synced at once"},
}

// ruled adds the old rules that decided one of these questions in an event, and decided differently from today's rule.
func (w *why) ruled(event uint64, names ...string) {
	for _, d := range w.Decisions {
		if d.Event == event && slices.Contains(names, d.Question) {
			w.rule(d.Question, event)
		}
	}
}

// ruledWithin does the same as ruled for all events from one to another.
func (w *why) ruledWithin(from, to uint64, names ...string) {
	for _, d := range w.Decisions {
		if from <= d.Event && d.Event <= to && slices.Contains(names, d.Question) {
			w.rule(d.Question, d.Event)
		}
	}
}

// unmentioned adds an old rule if the chain names none yet. It looks for a rule that decided in an event of the chain,
// from the last link to the first. If there is none, it adds the last decision of an old rule before the symptom.
func (w *why) unmentioned() {
	if len(w.links) == 0 || slices.ContainsFunc(w.links, func(l Link) bool { return l.Kind == LinkRule }) {
		return
	}
	for i := len(w.links) - 1; i >= 0; i-- {
		for _, d := range w.Decisions {
			if d.Event == w.links[i].Event {
				rest := slices.Clone(w.links[i+1:])
				w.links = w.links[:i+1]
				w.rule(d.Question, d.Event)
				w.links = append(w.links, rest...)
				return
			}
		}
	}
	if !w.ruleOfMachine() {
		w.rulesAround(w.links[0].Event)
	}
}

// ruleOfMachine adds one decision of an old rule below a link of the chain. It takes the decision and the later event of
// the same machine that are closest to each other.
func (w *why) ruleOfMachine() bool {
	row, best := -1, uint64(0)
	for i, l := range w.links {
		if l.Kind == LinkFault || l.Kind == LinkSymptom || l.Machine == "" {
			continue
		}
		for k, d := range w.Decisions {
			if d.Event <= l.Event && w.Events[d.Event].Machine == l.Machine && (row < 0 || l.Event-d.Event < w.links[row].Event-w.Decisions[best].Event) {
				row, best = i, uint64(k)
			}
		}
	}
	if row < 0 {
		return false
	}
	d := w.Decisions[best]
	rest := slices.Clone(w.links[row+1:])
	w.links = w.links[:row+1]
	w.rule(d.Question, d.Event)
	if m := w.message(d.Event); m != nil {
		w.links[len(w.links)-1].Sentence += fmt.Sprintf("; it decided at %s, in the %s of %s", Seconds(w.time(d.Event)), apiName(m), m.From)
	}
	w.links = append(w.links, rest...)
	return true
}

// standing adds an old rule that decides without arguments, if it is enabled. The event of the last link was possible
// because of this rule.
func (w *why) standing(question string) {
	if slices.Contains(w.Standing, question) && len(w.links) > 0 {
		w.rule(question, w.links[len(w.links)-1].Event)
	}
}

// rule adds a link that names the enabled old rules for a question, and gives today's answer.
func (w *why) rule(name string, event uint64) {
	if w.said["rule "+name] {
		return
	}
	w.said["rule "+name] = true
	q := questions[name]
	var ids []string
	for _, id := range w.Rules {
		if slices.Contains(q.rules, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		ids = w.Rules
	}
	source := ""
	for _, r := range scenarios.OldRules() {
		if len(q.rules) > 0 && r.ID == q.rules[0] && source == "" && isCitation(r.Source) {
			source = " (" + r.Source + ")"
		}
	}
	says := q.today
	if says == "" {
		says = "decides " + name + " otherwise than today's rule"
	}
	l := Link{Kind: LinkRule, Event: event, Sentence: "old rule " + strings.Join(ids, ", ") + ": " + says + source}
	if event < uint64(len(w.Events)) {
		l.Time = w.Events[event].Time
	}
	w.add(l)
}

// isCitation reports whether the source of a rule is a KIP or a JIRA issue.
func isCitation(source string) bool {
	return strings.HasPrefix(source, "KIP-") || strings.HasPrefix(source, "KAFKA-")
}

// rulesAround adds the last event in which an old rule decided otherwise than today's rule. Events after the given event
// are not considered.
func (w *why) rulesAround(event uint64) {
	for i := len(w.Decisions) - 1; i >= 0; i-- {
		d := &w.Decisions[i]
		if d.Event > event {
			continue
		}
		w.ask("Where did an old rule decide?")
		what := "does what that rule allows"
		if m := w.message(d.Event); m != nil {
			what = "handles the " + apiName(m) + " of " + m.From
		}
		w.at(LinkEvent, d.Event, "%s", what)
		w.rule(d.Question, d.Event)
		return
	}
	for _, q := range w.Standing {
		w.rule(q, event)
		return
	}
}

// apiName returns Kafka's name of a message: "Fetch request", "Fetch response".
func apiName(m *scenarios.CausedMessage) string {
	if m.Request != nil {
		return kmsg.NameForKey(m.Request.Key()) + " request"
	}
	return kmsg.NameForKey(m.Response.Key()) + " response"
}
