package check

// Watcher follows the changes of a View and learns which change decided which finding. It explains a finding; it has no effect
// on any.
type Watcher interface {
	// Changed is called for every change, before the checks see it. The change is valid only during the call.
	Changed(c *Change)
	// FoundBy is called when an invariant has its first violation or its first price, right after the change that decided it.
	FoundBy(check string, r Result)
}

// Watch sets the watcher of a View. Without one, a change costs no more than its checks.
func Watch(v *View, w Watcher) { v.watcher = w }

// notifyWatched does the same as notify, and reports the change and what the checks found in it.
func notifyWatched(v *View) {
	c := &v.change
	v.watcher.Changed(c)
	for _, s := range v.observers[c.Kind] {
		violated, priced := s.tally.violated, s.tally.priced
		s.see(s.tally, v, c)
		if s.tally.violated != violated {
			v.watcher.FoundBy(s.name, *s.tally.violated)
		}
		if s.tally.priced != priced {
			v.watcher.FoundBy(s.name, *s.tally.priced)
		}
	}
}

// Assigned returns the committed state of a partition.
func (p *Partition) Assigned() Assignment { return p.assigned }
