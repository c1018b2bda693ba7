package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is the outcome of a call.
type Report struct {
	Schema      string   `json:"schema"` // "samsa.mutate/1"
	Digest      string   `json:"digest"` // of the original code
	Runs        int      `json:"runs"`   // the number of runs of a mutant; the seeds are 1 to Runs
	Seed        string   `json:"seed"`   // of the draw; empty if mutants were named
	Interrupted bool     `json:"interrupted"`
	Skipped     []Skip   `json:"skipped"`
	Results     []Result `json:"results"`
	// Today lists planted mistakes that the code has already.
	Today []Today `json:"today"`
	// Failing lists the failures of the original code; they kill no mutant.
	Failing []string `json:"failing"`
	Totals  Totals   `json:"totals"`
}

// Skip counts the mutants of a package, and those that the draw passed over.
type Skip struct {
	Package    string `json:"package"`
	Possible   int    `json:"possible"`   // all mutants of the package
	Unreached  int    `json:"unreached"`  // passed over, because no run executes the code
	Uncompiled int    `json:"uncompiled"` // passed over, because the changed file does not compile
}

// Today is a planted mistake that the code has already.
type Today struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Totals counts mutants by state. A mutant with a reading counts by the class of the reading instead.
type Totals struct {
	Drawn       int `json:"drawn"`
	Killed      int `json:"killed"`
	Survived    int `json:"survived"`
	Equal       int `json:"equal"`
	Unfinished  int `json:"unfinished"`
	Equivalent  int `json:"equivalent"`
	Performance int `json:"performance"`
	// Permille is the share of killed mutants, in thousandths. It leaves out mutants that are unfinished or have a
	// reading.
	Permille int `json:"killed_permille"`
}

// count adds a result.
func (t *Totals) count(r Result) {
	t.Drawn++
	switch {
	case r.Class == Equivalent:
		t.Equivalent++
	case r.Class == Performance:
		t.Performance++
	case r.State == Killed:
		t.Killed++
	case r.State == Moved:
		t.Survived++
	case r.State == Equal:
		t.Equal++
	case r.State == Unfinished:
		t.Unfinished++
	}
	if counted := t.Killed + t.Survived + t.Equal; counted > 0 {
		t.Permille = t.Killed * 1000 / counted
	}
}

// finish sorts the results and counts them.
func (r *Report) finish() {
	slices.SortFunc(r.Results, func(a, b Result) int {
		return cmp.Or(strings.Compare(a.Package, b.Package), strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.ID, b.ID))
	})
	r.Totals = Totals{}
	for _, x := range r.Results {
		r.Totals.count(x)
	}
}

// write prints the report.
func (r *Report) write(w io.Writer) {
	for _, x := range r.Results {
		fmt.Fprintln(w, x.sentence())
		fmt.Fprintf(w, "    %s:%d  %s\n", x.File, x.Line, x.Change)
	}
	for _, x := range r.Today {
		fmt.Fprintf(w, "%s: the code has this mistake today: %s\n", x.ID, x.Reason)
	}
	r.table(w, "package", func(x Result) string { return x.Package })
	r.table(w, "operator", func(x Result) string { return string(x.Operator) })
	r.killers(w)
	fmt.Fprintln(w)
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "%s: %d possible mutants; passed over %d that no run executes and %d that do not compile\n", s.Package, s.Possible, s.Unreached, s.Uncompiled)
	}
	for _, f := range r.Failing {
		fmt.Fprintf(w, "the original fails too, which kills no mutant: %s\n", f)
	}
	t := r.Totals
	fmt.Fprintf(w, "%d of %d mutants killed; %d survived with another hash, %d without; readers found %d equivalent and %d of performance alone; %d unfinished\n",
		t.Killed, t.Drawn, t.Survived, t.Equal, t.Equivalent, t.Performance, t.Unfinished)
	if t.Killed+t.Survived+t.Equal > 0 {
		fmt.Fprintf(w, "killed, of those that are neither unfinished nor read: %d.%d %%\n", t.Permille/10, t.Permille%10)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "interrupted; the same call continues")
	}
}

// sentence describes the end of one mutant.
func (x Result) sentence() string {
	out := fmt.Sprintf("%-10s %s", x.State, x.ID)
	switch x.State {
	case Killed:
		out += fmt.Sprintf(": %s at run %d", strings.Join(slices.Compact(slices.Clone(x.By)), ", "), x.Run)
	case Moved:
		out += fmt.Sprintf(": reached by %d runs; run %d is the first with another hash", x.Reached, x.MovedAt)
	case Equal:
		out += fmt.Sprintf(": reached by %d runs, all with the hash of the original", x.Reached)
	case Unfinished:
		out += ": " + x.Text
	}
	switch {
	case x.TestFail != "":
		out += "; killed by the test " + x.TestFail
	case x.TestsRun:
		out += "; no test of the package sees it"
	}
	if x.Class != "" {
		out += "; " + x.Class + ": " + x.Reason
	}
	return out
}

// table prints the counts of each value of a column.
func (r *Report) table(w io.Writer, title string, column func(Result) string) {
	totals := map[string]*Totals{}
	var names []string
	for _, x := range r.Results {
		name := column(x)
		if name == "" {
			continue
		}
		if totals[name] == nil {
			totals[name] = &Totals{}
			names = append(names, name)
		}
		totals[name].count(x)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "%s\tdrawn\tkilled\tsurvived\tequal\tread\tunfinished\t\n", title)
	for _, name := range names {
		t := totals[name]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, t.Drawn, t.Killed, t.Survived, t.Equal, t.Equivalent+t.Performance, t.Unfinished)
	}
	tw.Flush()
}

// killers prints how often each check killed a mutant. A run can violate several checks.
func (r *Report) killers(w io.Writer) {
	counts := map[string]int{}
	for _, x := range r.Results {
		for _, by := range slices.Compact(slices.Sorted(slices.Values(x.By))) {
			counts[by]++
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	var words []string
	for _, name := range names {
		words = append(words, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if words != nil {
		fmt.Fprintf(w, "\nkilled by: %s\n", strings.Join(words, ", "))
	}
}
