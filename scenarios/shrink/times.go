package shrink

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
	"samsa/sim/env"
)

// The passes of this file make times and numbers small and round. A number with fewer digits costs less; trailing zeros
// do not count as digits. Of two numbers with equally many digits, the smaller one costs less: 3s costs less than 2.7s,
// and 2s costs less than 3s. Every accepted proposal lowers the cost, so the passes end.

// cheaper reports whether a span costs less than another.
func cheaper(a, b env.Duration) bool {
	return cmp.Or(cmp.Compare(digits(a), digits(b)), cmp.Compare(a, b)) < 0
}

// digits returns the number of digits of a span that are not trailing zeros.
func digits(d env.Duration) int {
	n := 0
	for d > 0 && d%10 == 0 {
		d /= 10
	}
	for ; d > 0; d /= 10 {
		n++
	}
	return n
}

// spans returns spans that cost less than d, are larger than least and last at least a millisecond, the cheapest first. They
// are round spans, d rounded down or up, and half of d.
func spans(d, least env.Duration) (all []env.Duration) {
	add := func(s env.Duration) {
		if s > least && s >= env.Millisecond && cheaper(s, d) && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for unit := env.Millisecond; unit <= 100*env.Second; unit *= 10 {
		for _, n := range [...]env.Duration{1, 2, 5} {
			if s := n * unit; s < d {
				add(s)
			}
		}
		add(d / unit * unit)
		if up := d/unit*unit + unit; up < d+d/2 {
			add(up)
		}
	}
	add(d / 2)
	slices.SortFunc(all, func(a, b env.Duration) int { //total: all has each span once, and of two spans one is cheaper
		if cheaper(a, b) {
			return -1
		}
		return 1
	})
	return all
}

// moment is a point in time in a draft: the time of a timed line, or the time in a line "run until time".
type moment struct {
	line, word int // the word is -1 for the time of a timed line
	at         env.Duration
}

// moments returns all moments, in the order of their lines.
func (v view) moments() (all []moment) {
	for i, l := range v.lines {
		if l.timed {
			all = append(all, moment{i, -1, l.at})
		}
		for w, p := range v.parts[i] {
			if p.Kind == "TIME" && w > 0 && v.parts[i][w-1].Word.Text == "time" { // run until time
				at, _ := scenarios.ParseSpan(p.Word.Text)
				all = append(all, moment{i, w, at})
			}
		}
	}
	return all
}

// move returns the draft with every moment changed by a function.
func (v view) move(to func(env.Duration) env.Duration) draft {
	c := v.clone()
	for _, m := range v.moments() {
		if m.word < 0 {
			c.lines[m.line].at = to(m.at)
		} else {
			c.lines[m.line].words[m.word] = scenarios.FormatSpan(to(m.at))
		}
	}
	return c
}

// shortenTimes makes the moments round and early. First it rounds all of them to a coarse grid. Then it moves each of
// them to an earlier time, together with all later ones.
func (r *search) shortenTimes() (changed bool) {
	for _, grid := range [...]env.Duration{env.Second, 500 * env.Millisecond, 100 * env.Millisecond, 50 * env.Millisecond, 10 * env.Millisecond} {
		c := r.look().move(func(at env.Duration) env.Duration { return (at + grid/2) / grid * grid })
		if c.text() != r.best.text() && r.total(c) < r.total(r.best) && r.accept(c) {
			changed = true
			break
		}
	}
	for n := 0; ; n++ {
		v := r.look()
		times := v.times()
		if n >= len(times) {
			return changed
		}
		from, least := times[n], env.Duration(0)
		if n > 0 {
			least = times[n-1]
		}
		var list []draft
		add := func(to env.Duration) {
			list = append(list, v.move(func(at env.Duration) env.Duration {
				if at < from {
					return at
				}
				return at - from + to
			}))
		}
		if n > 0 {
			add(least) // at the same time as the previous moment
		}
		for _, to := range spans(from, least) {
			if to < from {
				add(to)
			}
		}
		if r.acceptOne(list) {
			changed = true
			if len(r.look().times()) < len(times) {
				n--
			}
		}
	}
}

// roundTimes rounds single moments and does not move the others.
func (r *search) roundTimes() (changed bool) {
	for n := 0; n < len(r.look().times()); n++ {
		v := r.look()
		times := v.times()
		from, least, most := times[n], env.Duration(0), 2*times[n]
		if n > 0 {
			least = times[n-1]
		}
		if n+1 < len(times) {
			most = times[n+1]
		}
		var list []draft
		for _, to := range spans(from, least) {
			if to < most && digits(to) < digits(from) {
				list = append(list, v.move(func(at env.Duration) env.Duration {
					if at == from {
						return to
					}
					return at
				}))
			}
		}
		changed = r.acceptOne(list) || changed
	}
	return changed
}

// times returns the times of all moments, each time once, in order.
func (v view) times() (all []env.Duration) {
	for _, m := range v.moments() {
		all = append(all, m.at)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// total returns the cost of all moments of a draft, in digits.
func (r *search) total(d draft) (sum int) {
	v, ok := d.look()
	if !ok {
		return 1 << 30
	}
	for _, m := range v.moments() {
		sum += digits(m.at)
	}
	return sum
}

// shortenSpans makes spans and numbers smaller, for example waits, delays, counts, offsets and ranges of values.
func (r *search) shortenSpans() (changed bool) {
	for i := len(r.best.lines) - 1; i >= 0; i-- {
		for w := 0; w < len(r.best.lines[i].words) && !r.best.lines[i].owed; w++ {
			v := r.look()
			var list []draft
			for _, to := range smaller(v.parts[i], w) {
				list = append(list, v.with(i, w, spell(v.parts[i][w], to)))
			}
			changed = r.acceptOne(list) || changed
		}
	}
	return changed
}

// smaller returns smaller texts for a word.
func smaller(parts []scenarios.Part, w int) (all []string) {
	p := parts[w]
	text := valueOf(p)
	switch p.Kind {
	case "SPAN", "TIME":
		if w > 0 && parts[w-1].Word.Text == "time" {
			return nil // a moment, see shortenTimes
		}
		d, _ := scenarios.ParseSpan(text)
		sign := ""
		if d < 0 {
			sign, d = "-", -d
		}
		for _, s := range spans(d, 0) {
			all = append(all, sign+scenarios.FormatSpan(s))
		}
	case "COUNT", "OFFSET":
		least := 1
		if w > 0 && parts[w-1].Word.Text == "times" && text != "1" { // slow b1 times 1 ends a fault
			least = 2
		}
		return fewer(text, least)
	case scenarios.KindConfig:
		return rounder(p.Name, text)
	case "PPM":
		sign := ""
		if strings.HasPrefix(text, "-") {
			sign, text = "-", text[1:]
		}
		for _, s := range fewer(strings.TrimSuffix(text, "ppm"), 1) {
			all = append(all, sign+s+"ppm")
		}
	case "VALUE":
		head, from, count := values(p.Word.Raw)
		if count == 1 {
			return nil
		}
		all = append(all, head+strconv.Itoa(from))
		for _, n := range fewer(strconv.Itoa(count), 2) {
			n, _ := strconv.Atoi(n)
			all = append(all, head+strconv.Itoa(from)+".."+head+strconv.Itoa(from+n-1))
		}
	}
	return all
}

// rounder returns a timeout rounded down and rounded up, with zeros after the first digit.
func rounder(config, text string) []string {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || !strings.HasSuffix(config, ".ms") {
		return nil
	}
	unit := 1
	for n/unit >= 10 {
		unit *= 10
	}
	if n%unit == 0 {
		return nil
	}
	return []string{strconv.Itoa(n / unit * unit), strconv.Itoa(n/unit*unit + unit)}
}

// values splits a range of values such as v3..v7 into its head, its first number and the number of values. Any other word is
// one value.
func values(raw string) (head string, from, count int) {
	first, last, ranged := strings.Cut(raw, "..")
	if !ranged || strings.HasPrefix(raw, `"`) {
		return raw, 0, 1
	}
	head = strings.TrimRight(first, "0123456789")
	from, err := strconv.Atoi(first[len(head):])
	to, errTo := strconv.Atoi(strings.TrimPrefix(last, head))
	if err != nil || errTo != nil {
		return raw, 0, 1
	}
	return head, from, to - from + 1
}

// fewer returns some numbers that are smaller than the given one, and at least as large as least.
func fewer(text string, least int) (all []string) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	for _, m := range [...]int{1, 2, 3, 5, 10, 20, 50, 100, n / 2, n - 1} {
		if s := strconv.Itoa(m); m >= least && m < n && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}
