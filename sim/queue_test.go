package sim

import (
	"math/rand/v2"
	"testing"
)

// The heap against a list that is searched: schedule, move, drop, pop.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var q queue
		model := map[slotID]entry{}
		var ids []slotID
		for i := range 40 {
			ids = append(ids, q.newSlot(slotTimer, int32(i), 0))
		}
		for range 4000 {
			switch id := ids[r.IntN(len(ids))]; r.IntN(5) {
			case 0, 1, 2:
				e := entry{Time(r.IntN(100)), q.order(r.Uint64N(3)), id}
				q.set(id, e.at, e.order)
				model[id] = e
			case 3:
				q.drop(id)
				delete(model, id)
			case 4:
				if len(model) == 0 {
					continue
				}
				var first entry
				found := false
				for _, e := range model {
					if !found || e.before(first) {
						first, found = e, true
					}
				}
				if got := q.pop(); got != first {
					t.Fatalf("seed %d: popped %v, want %v", seed, got, first)
				}
				delete(model, first.slot)
			}
			if len(q.heap) != len(model) {
				t.Fatalf("seed %d: %d entries, want %d", seed, len(q.heap), len(model))
			}
			for _, id := range ids {
				e, ok := model[id]
				if q.queued(id) != ok || ok && q.at(id) != e.at {
					t.Fatalf("seed %d: slot %d is queued %t, want %t", seed, id, q.queued(id), ok)
				}
			}
		}
	}
}
