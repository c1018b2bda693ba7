package explore

// Campaign runs many seeds.
type Campaign struct {
	Options
	Seed  uint64 // the first seed; the others follow it
	Runs  int    // the number of runs; if 0, the campaign runs until Stop returns true
	Jobs  int    // the number of worlds that run at once
	First bool   // stop after the first seed that fails
	Find  string // stop after the first seed that violates this check; empty for no check

	// Stop, if not nil, is called before each run begins. If it returns true, the campaign ends after the current runs.
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
	//goroutine: workers send their results here; the channel has room for all of them, so no worker waits
	ended := make(chan numbered, c.Jobs)
	for range c.Jobs {
		//goroutine: each worker runs its own worlds, from a seed to a result; no two workers share a world
		go func() {
			//goroutine: receives the next seed
			for i := range jobs {
				r := Run(c.Seed+uint64(i), c.Options)
				ended <- numbered{i, r} //goroutine: sends a complete result, which nothing changes afterwards
			}
		}()
	}
	defer close(jobs)         //goroutine: ends the workers
	early := map[int]Result{} // results that wait for the result of a smaller seed
	begun, over, next := 0, 0, 0
	last := false
	for {
		for begun-over < c.Jobs && !last && (c.Runs == 0 || begun < c.Runs) && !stop() {
			jobs <- begun //goroutine: a worker is free, because there are more workers than current runs
			begun++
		}
		if over == begun {
			return
		}
		r := <-ended //goroutine: receives the result of the run that ends first; the order is restored below
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
