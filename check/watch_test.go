package check

import "testing"

// recorder is a Watcher that counts changes and keeps findings.
type recorder struct {
	changes int
	found   []string
	at      []int // the number of changes at each finding
}

func (r *recorder) Changed(*Change) { r.changes++ }
func (r *recorder) FoundBy(name string, f Result) {
	r.found, r.at = append(r.found, name+" "+f.Status.String()), append(r.at, r.changes)
}

// A watcher sees every change and the first violation of each check, in the change that decided it, and the findings are
// those of a View without one.
func TestWatcherSeesWhatDecided(t *testing.T) {
	plain := Judge(AckedDurable.Reject(NewView(Contract{}, All())))
	w, v := &recorder{}, NewView(Contract{}, All())
	Watch(v, w)
	watched := Judge(AckedDurable.Reject(v))
	seen := 0
	for i, f := range watched {
		if f.Result != plain[i].Result && f.Explanation != plain[i].Explanation {
			t.Errorf("watched, %s is %+v, and else %+v", f.Check.Name, f.Result, plain[i].Result)
		}
		if f.Status == Violated && f.Check.See != nil {
			seen++
		}
	}
	if seen == 0 || len(w.found) < seen {
		t.Errorf("%d invariants are violated and the watcher was told of %v", seen, w.found)
	}
	for i, at := range w.at {
		if at == 0 || at > w.changes || i > 0 && at < w.at[i-1] {
			t.Errorf("%s was found after %d of %d changes", w.found[i], at, w.changes)
		}
	}
}
