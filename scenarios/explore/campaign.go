package explore

// Campaign runs many seeds.
type Campaign struct {
	Options
	Seed  uint64 // the first seed; the others follow it
	Runs  int    // the number of runs; if 0, the campaign runs until Stop returns true
	Jobs  int    // the number of worlds that run at once
	First bool   // stop after the first seed that fails
	Find  string // stop after the first seed that violates this check; empty for no check

	// Stop is called before each run begins. If it returns true, the campaign ends after the current runs. Nil never stops.
	Stop func() bool
	// Done gets each result, in the order of the seeds.
	Done func(Result)
	// Tick, if not nil, is called when a run has ended, in the order in which the runs end.
	Tick func(ended int)
}

// Explore runs the campaign. Done gets the same results in the same order for any number of Jobs, because worlds share
// nothing and results are ordered by seed.
func (c Campaign) Explore() {
	if c.Jobs < 1 {
		c.Jobs = 1
	}
	stop := func() bool { return c.Stop != nil && c.Stop() }
	//goroutine: a campaign hands seeds to worlds that share nothing
	jobs := make(chan int)
	//goroutine: and collects their results; there is room for all, so no world waits
	ended := make(chan numbered, c.Jobs)
	for range c.Jobs {
		//goroutine: each runs worlds of its own, from a seed to a result; nothing of a world is seen by two of them
		go func() {
			//goroutine: the next seed
			for i := range jobs {
				r := Run(c.Seed+uint64(i), c.Options)
				ended <- numbered{i, r} //goroutine: a whole result, which does not change any more
			}
		}()
	}
	defer close(jobs)         //goroutine: the workers end
	early := map[int]Result{} // results that wait for one of a smaller seed
	begun, over, next := 0, 0, 0
	last := false
	for {
		for begun-over < c.Jobs && !last && (c.Runs == 0 || begun < c.Runs) && !stop() {
			jobs <- begun //goroutine: a worker is free: fewer runs are under way than there are workers
			begun++
		}
		if over == begun {
			return
		}
		r := <-ended //goroutine: the world that ends first; the order is restored below
		over++
		early[r.at] = r.Result
		if c.Tick != nil {
			c.Tick(over)
		}
		for {
			r, ok := early[next]
			if !ok || last {
				break
			}
			delete(early, next)
			next++
			c.Done(r)
			last = c.First && r.Verdict != Held || c.Find != "" && r.violates(c.Find)
		}
		if last {
			return // the current runs have larger seeds and are dropped
		}
	}
}

// numbered is a result with the index of its seed.
type numbered struct {
	at int
	Result
}
