package check

// Watcher receives all changes of a View and the findings that they decide, so that a finding can be explained. It has no
// effect on the findings.
type Watcher interface {
	// Changed is called for every change, before the checks see it. The change is valid only during the call.
	Changed(c *Change)
	// FoundBy is called right after the change that decided the first violation, known or new, or the first priced finding of an
	// invariant.
	FoundBy(check string, r Result)
}

// Watch sets the watcher of a View. A View without a watcher spends no time on it.
func Watch(v *View, w Watcher) { v.watcher = w }

// notifyWatched does the same as notify. It also reports the change and the new findings to the watcher.
func notifyWatched(v *View) {
	c := &v.change
	v.watcher.Changed(c)
	for _, s := range v.observers[c.Kind] {
		violated, known, priced := s.tally.violated, s.tally.known, s.tally.priced
		s.see(s.tally, v, c)
		if s.tally.violated != violated {
			v.watcher.FoundBy(s.name, *s.tally.violated)
		}
		if s.tally.known != known {
			v.watcher.FoundBy(s.name, *s.tally.known)
		}
		if s.tally.priced != priced {
			v.watcher.FoundBy(s.name, *s.tally.priced)
		}
	}
}

// Assigned returns the committed state of a partition.
func (p *Partition) Assigned() Assignment { return p.assigned }
