package shrink

import (
	"slices"
	"strings"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// A fault and the line that ends it belong together:
//
//	crash, stop, wipe     start
//	pause                 resume
//	cut, slow by, link    heal
//	slow ... times 9      slow ... times 1
//	disk                  disk ... heal
//	clock drift           clock drift 0
//
// The remaining faults end by themselves or cannot be ended.

// ill is a kind of fault that some lines begin and others end.
type ill uint8

const (
	noIll ill = iota
	isDown
	isPaused
	isCut
	isSlow
	isDiskBad
	isDrifting
)

// ill returns the kind of fault that a line begins or ends, and whether the line ends it.
func (v view) ill(line int) (kind ill, ends bool) {
	switch v.lines[line].verb {
	case "crash", "stop", "wipe":
		return isDown, false
	case "start":
		return isDown, true
	case "pause":
		return isPaused, false
	case "resume":
		return isPaused, true
	case "cut", "link":
		return isCut, false
	case "heal":
		return isCut, true
	case "slow":
		if v.has(line, "times") {
			return isSlow, v.word(line, "COUNT") == "1"
		}
		by := v.word(line, "SPAN")
		return isCut, strings.Trim(by, "0nmsu") == ""
	case "disk":
		return isDiskBad, v.has(line, "heal")
	case "clock":
		ppm := v.word(line, "PPM")
		return isDrifting, ppm != "" && strings.Trim(ppm, "-0pm") == ""
	}
	return noIll, false
}

// hosts returns all machines that a line names, as written.
func (v view) hosts(line int) (all []string) {
	for i, p := range v.parts[line] {
		if isHosts(p.Kind) {
			all = append(all, strings.Split(v.lines[line].words[i], ",")...)
		}
	}
	return all
}

// isHosts reports whether the words of a kind name machines.
func isHosts(kind string) bool { return slices.Contains([]string{"HOST", "HOSTS", "A", "B"}, kind) }

// covers reports whether a line that names the machines in ending ends the faults of all machines in begun. A line without
// machines ends the faults of all machines. A role has no clients.
func (v view) covers(ending, begun []string) bool {
	if len(ending) == 0 {
		return true
	}
	for _, m := range begun {
		role := "brokers"
		if m != "" && m[0] == 'c' { // c1, controller or controllers; all other roles except standby are roles of brokers
			role = "controllers"
		}
		if m == "standby" || m == "standbys" {
			role = "controllers"
		}
		if !slices.Contains(ending, m) && (v.isClient(m) || !slices.Contains(ending, role)) {
			return false
		}
	}
	return true
}

// isClient reports whether a machine is a client.
func (v view) isClient(machine string) bool { return slices.Contains(v.clients(), machine) }

// pairs groups the lines of a draft that can only be removed together: a fault and the line that ends it. Every other line
// is a group of its own. Lines that are owed are in no group, unless the faults that they end are gone.
func (v view) pairs() [][]int {
	var groups [][]int
	endOf := map[int]int{} // the index of the line that ends the fault of a line
	for i := range v.lines {
		kind, ends := v.ill(i)
		if kind == noIll || ends || v.lines[i].owed {
			continue
		}
		for j := range v.lines {
			other, over := v.ill(j)
			if other == kind && over && v.after(j, i) && !v.lines[j].owed && v.covers(v.hosts(j), v.hosts(i)) {
				endOf[i] = j
				break
			}
		}
	}
	taken := map[int]bool{}
	for i := range v.lines { // the cluster line is never dropped
		if i == 0 || v.lines[i].owed && !v.idle(i) || taken[i] {
			continue
		}
		group := []int{v.lines[i].id}
		if j, ok := endOf[i]; ok && !taken[j] {
			group = append(group, v.lines[j].id)
			taken[j] = true
		}
		groups = append(groups, group)
	}
	return groups
}

// after reports whether line j runs after line i.
func (v view) after(j, i int) bool {
	if v.lines[i].timed && v.lines[j].timed && v.lines[i].at != v.lines[j].at {
		return v.lines[j].at > v.lines[i].at
	}
	return j > i
}

// unended returns the verbs of the lines that begin a fault that no later line ends. A client is told from a broker: if the file
// leaves a broker paused, a smaller one must not leave a client paused instead, for that client would wait in vain.
func (v view) unended() (all []string) {
	for i := range v.lines {
		kind, ends := v.ill(i)
		if kind == noIll || ends {
			continue
		}
		ended := false
		for j := range v.lines {
			other, over := v.ill(j)
			ended = ended || other == kind && over && v.after(j, i) && v.covers(v.hosts(j), v.hosts(i))
		}
		if !ended {
			verb := v.lines[i].verb // without machines, because a pass may rename them
			if slices.ContainsFunc(v.hosts(i), v.isClient) {
				verb += " a client"
			}
			all = append(all, verb)
		}
	}
	return all
}

// owe marks the lines that end the faults and wait for a quiet cluster, if the failure is that the cluster did not become quiet.
// They are after the last line that begins a fault or has a time. Requests, configs and reads there may go. If only some machines, the core, must become quiet, the line that crashes
// or cuts off the other machines is marked too, because exploration writes it after the lines that end the faults.
func (r *search) owe() {
	if r.Target.Verdict != explore.Stuck {
		return
	}
	v := r.look()
	from := 1
	for i := range v.lines {
		kind, ends := v.ill(i)
		waits := v.lines[i].verb == "run" && v.has(i, "time")
		if v.lines[i].timed || waits {
			from = i + 1
		} else if kind != noIll && !ends && !v.heals(from, i) {
			from = i + 1
		}
	}
	for i := from; i < len(r.best.lines); i++ {
		kind, _ := v.ill(i)
		r.best.lines[i].owed = kind != noIll || r.waitedFor(v, i)
	}
	r.broken, r.core = r.look().unended(), r.look().hasCore()
}

// waitedFor reports whether a line waits for a quiet cluster, or may be the line that waited in vain: the kind of that failure
// begins with the verb of the line. In less time, any such line would wait in vain.
func (r *search) waitedFor(v view, i int) bool {
	verb := v.lines[i].verb
	return verb == "run" && v.has(i, "quiet") || strings.HasPrefix(r.Target.Kind, verb+" ") || strings.HasPrefix(r.Target.Kind, verb+":")
}

// idle reports whether a line ends only faults that no line begins any more. A start is needed as long as there is any fault
// before it, because processes also end in other ways than by a crash.
func (v view) idle(line int) bool {
	kind, ends := v.ill(line)
	if !ends || v.has(line, "noise") {
		return false
	}
	for i := range v.lines {
		verb, _ := scenarios.LookupVerb(v.lines[i].verb)
		begun, over := v.ill(i)
		begins := begun != noIll && !over
		if (begins && begun == kind || kind == isDown && (begins || begun == noIll && verb.IsFault())) && v.after(line, i) {
			return false
		}
	}
	return true
}

// heals reports whether any of the lines [from, to) ends faults. If so, a later line that crashes machines takes them out
// of the core.
func (v view) heals(from, to int) bool {
	for i := from; i < to; i++ {
		if kind, ends := v.ill(i); kind != noIll && ends {
			return true
		}
	}
	return false
}

// sound reports whether a draft may be tried. The draft must be readable. If the failure is that the cluster did not become
// quiet, the draft must also end every fault that the original ended, and keep a majority of the controllers and at least
// one broker in the core.
func (r *search) sound(d draft) bool {
	v, ok := d.look()
	if !ok || r.Target.Verdict != explore.Stuck {
		return ok
	}
	left := slices.Clone(r.broken)
	for _, l := range v.unended() {
		i := slices.Index(left, l)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return !r.core || v.hasCore()
}

// hasCore reports whether lasting faults leave at least one broker and a majority of the controllers in the core.
func (v view) hasCore() bool {
	brokers, controllers := v.away()
	return brokers < v.count("brokers") && 2*controllers < v.count("controllers")
}

// away returns the numbers of brokers and controllers that a lasting fault keeps out of the core.
func (v view) away() (brokers, controllers int) {
	for i, l := range v.lines {
		if kind, ends := v.ill(i); !l.owed || kind == noIll || ends {
			continue
		}
		for _, m := range strings.Split(v.word(i, "HOSTS", "A"), ",") { // A of a cut lists the machines outside the core
			switch {
			case strings.HasPrefix(m, "b"):
				brokers++
			case strings.HasPrefix(m, "c"):
				controllers++
			}
		}
	}
	return brokers, controllers
}
