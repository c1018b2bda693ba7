package view

import (
	"errors"
	"slices"

	"samsa/check"
	"samsa/scenarios"
)

// Differ runs two scenarios side by side, one event of each at a time, and finds the first event at which they differ.
//
//	a ──event──▶ hash ┐
//	                  ├─ equal ─▶ next event
//	b ──event──▶ hash ┘  differ ─▶ Diff.First, then the first note of each machine that differs, then the findings
//
// It keeps only the events and notes that it has not compared yet, so its memory does not grow with the length of the runs.
type Differ struct {
	runs     [2]*differRun
	diff     Diff
	machines []*machineNotes
	refined  bool // whether Diff.First is the first event that acts differently, as refine finds it
}

// Diffed is one of the two runs: a name for reports, a scenario, and the way to run it.
type Diffed struct {
	Name    string
	Program *scenarios.Program
	Options scenarios.RunOptions
}

// differRun is one run, with the events that have not been compared yet.
type differRun struct {
	Diffed
	session *scenarios.Session
	over    bool
	told    int              // the number of entries of the session that the method lines has read
	notes   []scenarios.Note // the notes of the current event
	events  []differEvent
}

// differEvent is one event with its notes, and the lines that started since the event before it.
type differEvent struct {
	scenarios.Event
	notes []scenarios.Note
	lines []string
}

// machineNotes holds the notes that one machine has made since the first difference and that have not been compared yet.
type machineNotes struct {
	name       string
	story, all notePair
}

// notePair is two sequences of notes. It compares them as they grow, and stops at the first pair that differs.
type notePair struct {
	waiting [2][]scenarios.Note
	parted  bool
	first   [2]*scenarios.Note
}

// NewDiffer returns a Differ at the start of both runs.
func NewDiffer(a, b Diffed) *Differ {
	d := &Differ{}
	for i, of := range [2]Diffed{a, b} {
		r := &differRun{Diffed: of}
		r.Options.Heard = func(n scenarios.Note) { r.notes = append(r.notes, n) }
		r.Options.Each = r.event
		r.session = scenarios.New(r.Program, r.Options)
		d.runs[i] = r
	}
	return d
}

// event receives an event of the run.
func (r *differRun) event(e scenarios.Event) {
	r.events = append(r.events, differEvent{e, r.notes, r.lines()})
	r.notes = nil
}

// lines returns the lines of the scenario that have started since the last call.
func (r *differRun) lines() (all []string) {
	entries := r.session.Entries()
	for _, e := range entries[r.told:] {
		if e.Kind == scenarios.EntryVerb {
			all = append(all, e.Line.String())
		}
	}
	r.told = len(entries)
	return all
}

// Advance compares up to n events. It returns false when both runs have ended.
func (d *Differ) Advance(n int) (bool, error) {
	for range n {
		for _, r := range d.runs {
			if err := r.next(); err != nil {
				return false, err
			}
		}
		a, b := d.runs[0], d.runs[1]
		if len(a.events)+len(b.events) == 0 {
			d.end()
			return false, nil
		}
		d.compare(a.take(), b.take())
	}
	return true, nil
}

// next advances the run until it has an event that has not been compared, or until it has ended.
func (r *differRun) next() error {
	for !r.over && len(r.events) == 0 {
		more, err := r.session.Advance(1)
		if err != nil {
			return errors.New(r.Name + ": " + err.Error())
		}
		r.over = !more
	}
	return nil
}

// take removes the next event of a run. It returns nil if the run has ended.
func (r *differRun) take() *differEvent {
	if len(r.events) == 0 {
		return nil
	}
	e := r.events[0]
	r.events = r.events[1:]
	return &e
}

// compare compares one event of each run; one of the two is nil if its run has ended.
func (d *Differ) compare(a, b *differEvent) {
	if d.diff.First == nil {
		if a != nil && b != nil && a.Hash == b.Hash {
			return
		}
		d.diff.First = d.moment(a, b)
	}
	if d.diff.Visible == nil && (a == nil || b == nil || !looksEqual(a, b)) {
		d.diff.Visible = d.moment(a, b)
	}
	for i, e := range [2]*differEvent{a, b} {
		if e == nil {
			continue
		}
		for _, n := range e.notes {
			m := d.machine(string(n.Who))
			m.all.add(i, n, d.names())
			if n.Kind.Story {
				m.story.add(i, n, d.names())
			}
		}
	}
}

// looksEqual reports whether two events are the same except for what they changed in their machines.
func looksEqual(a, b *differEvent) bool {
	return a.Time == b.Time && a.Who == b.Who && a.Text == b.Text && slices.Equal(a.lines, b.lines)
}

// machine returns the notes of a machine.
func (d *Differ) machine(name string) *machineNotes {
	for _, m := range d.machines {
		if m.name == name {
			return m
		}
	}
	m := &machineNotes{name: name}
	d.machines = append(d.machines, m)
	return m
}

// names returns the names of both runs, which resolve the integers in their notes.
func (d *Differ) names() [2]scenarios.Names {
	return [2]scenarios.Names{d.runs[0].session.Names(), d.runs[1].session.Names()}
}

// add appends a note to one of the two sequences, and compares the notes that both sequences have. Two notes are equal if
// their kinds and arguments are equal, or if their sentences are equal. Times are not compared. So two notes that count as
// different never read the same.
func (p *notePair) add(run int, n scenarios.Note, names [2]scenarios.Names) {
	if p.parted {
		return
	}
	p.waiting[run] = append(p.waiting[run], n)
	for len(p.waiting[0]) > 0 && len(p.waiting[1]) > 0 {
		a, b := p.waiting[0][0], p.waiting[1][0]
		if (a.Kind != b.Kind || a.Args != b.Args) && Sentence(a, names[0]) != Sentence(b, names[1]) {
			p.part(&a, &b)
			return
		}
		p.waiting[0], p.waiting[1] = p.waiting[0][1:], p.waiting[1][1:]
	}
}

// part ends the comparison at two notes that differ.
func (p *notePair) part(a, b *scenarios.Note) {
	p.parted, p.first, p.waiting = true, [2]*scenarios.Note{a, b}, [2][]scenarios.Note{}
}

// end is called when both runs have ended. It finds the first note that only one of the runs has.
func (p *notePair) end() {
	for i := range p.waiting {
		if len(p.waiting[i]) > 0 && !p.parted {
			n := p.waiting[i][0]
			p.first[i], p.parted = &n, true
		}
	}
}

// moment makes a DiffMoment of two events.
func (d *Differ) moment(a, b *differEvent) *DiffMoment {
	m := &DiffMoment{}
	names := d.names()
	for i, e := range [2]*differEvent{a, b} {
		if e == nil {
			continue
		}
		h := &DiffEvent{Event: e.Number, Step: e.Step, VirtualNS: int64(e.Time), Machine: string(e.Who), Text: e.Text, Lines: e.lines, Notes: []string{}}
		for _, n := range e.notes {
			h.Notes = append(h.Notes, Sentence(n, names[i]))
		}
		if i == 0 {
			m.A = h
		} else {
			m.B = h
		}
	}
	return m
}

// end compares the notes that are left when both runs have ended.
func (d *Differ) end() {
	for _, m := range d.machines {
		m.story.end()
		m.all.end()
	}
	d.refine()
}

// Diff returns the comparison so far. It is final when Advance has returned false.
func (d *Differ) Diff() Diff {
	out := d.diff
	out.Schema, out.Machines, out.Findings = "samsa.diff/1", []DiffMachine{}, []DiffFinding{}
	var verdicts [2]*scenarios.Verdict
	for i, r := range d.runs {
		verdicts[i] = r.session.Verdict()
		out.Runs[i] = diffRun(r, verdicts[i])
	}
	names := d.names()
	for _, m := range d.machines {
		pair, inStory := &m.story, true
		if !pair.parted {
			pair, inStory = &m.all, false
		}
		if !pair.parted {
			continue
		}
		x := DiffMachine{Machine: m.name, InStory: inStory}
		x.A, x.B = diffNote(pair.first[0], names[0]), diffNote(pair.first[1], names[1])
		out.Machines = append(out.Machines, x)
	}
	slices.SortStableFunc(out.Machines, func(a, b DiffMachine) int { return int(min(1, max(-1, a.at()-b.at()))) })
	out.Findings = append(out.Findings, diffFindings(verdicts)...)
	out.Equal = out.First == nil && len(out.Findings) == 0
	return out
}

// diffNote returns a note as a DiffNote, or nil for nil.
func diffNote(n *scenarios.Note, names scenarios.Names) *DiffNote {
	if n == nil {
		return nil
	}
	return &DiffNote{Event: n.Event, Step: n.Step, VirtualNS: int64(n.Time), Text: Sentence(*n, names)}
}

// diffFindings returns the checks with different statuses in the two runs.
func diffFindings(of [2]*scenarios.Verdict) (all []DiffFinding) {
	if of[0] == nil || of[1] == nil {
		return nil
	}
	for _, a := range of[0].Findings {
		i := slices.IndexFunc(of[1].Findings, func(b check.Finding) bool { return a.Check.Name == b.Check.Name })
		if i < 0 || of[1].Findings[i].Status == a.Status {
			continue
		}
		b := of[1].Findings[i]
		all = append(all, DiffFinding{a.Check.Name, property(a), property(b)})
	}
	return all
}

// Progress returns the larger number of events and the larger virtual time of the two runs.
func (d *Differ) Progress() (events uint64, now int64) {
	for _, r := range d.runs {
		n, t := r.session.Progress()
		events, now = max(events, n), max(now, int64(t))
	}
	return events, now
}

// Close ends the worlds of both runs.
func (d *Differ) Close() {
	for _, r := range d.runs {
		r.session.Close()
	}
}
