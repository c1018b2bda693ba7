package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"samsa/check"
	"samsa/scenarios"
)

// thing is one row of a list: a name and its description.
type thing struct{ name, doc string }

// listing is one kind of list.
type listing struct {
	kind  string // the plural, as on the command line
	one   string // the singular
	rows  func() []thing
	empty string // the text of an empty list
}

// listings returns the lists of `samsa list`, in order. The rows come from the same tables that a run uses, so a list is
// never out of date.
func listings() []listing {
	return []listing{
		{"scenarios", "scenario", scenarioRows, ""},
		{"checks", "check", checkRows, ""},
		{"rules", "old rule", ruleRows, ""},
		{"faults", "fault", faultRows, ""},
		{"verbs", "verb", verbRows, ""},
		{"configs", "config", configRows, ""},
		{"sites", "site of chance", siteRows, ""},
		{"notes", "note", noteRows, "No kind of note is registered yet."},
		{"lessons", "lesson", none, "There are no lessons yet; see samsa list scenarios."},
		{"keys", "key", none, "There is no terminal UI yet, so there are no keys."},
	}
}

func none() []thing { return nil }

func scenarioRows() (rows []thing) {
	for _, name := range scenarios.Library() {
		src, _ := scenarios.Source(name)
		f, _ := scenarios.Parse(name, src)
		rows = append(rows, thing{name, f.Title})
	}
	return rows
}

func checkRows() (rows []thing) {
	for _, c := range check.All() {
		rows = append(rows, thing{c.Name, c.Doc})
	}
	return rows
}

func ruleRows() (rows []thing) {
	for _, r := range scenarios.OldRules() {
		rows = append(rows, thing{r.ID, r.Symptom + " (" + r.Source + "; " + r.Check + " notices)"})
	}
	return rows
}

func ruleNames() (names []string) {
	for _, r := range ruleRows() {
		names = append(names, r.name)
	}
	return names
}

func verbRows() (rows []thing) {
	for _, v := range scenarios.Verbs() {
		rows = append(rows, thing{v.Name, firstSentence(v.Doc)})
	}
	return rows
}

func faultRows() (rows []thing) {
	for _, f := range scenarios.Faulty() {
		rows = append(rows, thing{f.Name, f.Doc})
	}
	return rows
}

func siteRows() (rows []thing) {
	for _, s := range scenarios.Sites() {
		rows = append(rows, thing{s.Name, s.Doc})
	}
	return rows
}

func configRows() (rows []thing) {
	for _, c := range scenarios.Configs() {
		rows = append(rows, thing{c.Name, c.Doc})
	}
	return rows
}

func noteRows() (rows []thing) {
	for _, k := range scenarios.NoteKinds() {
		rows = append(rows, thing{k.Name, k.Text})
	}
	return rows
}

// listCommand prints a list.
func (a *app) listCommand() *cobra.Command {
	var kinds []string
	for _, l := range listings() {
		kinds = append(kinds, l.kind)
	}
	return &cobra.Command{
		Use:       "list " + strings.Join(kinds, "|"),
		Short:     "Lists " + strings.Join(kinds[:3], ", ") + " and more",
		Example:   "  samsa list scenarios\n  samsa list verbs",
		Args:      exactly(1, "one of "+strings.Join(kinds, ", ")),
		ValidArgs: kinds,
		RunE: func(_ *cobra.Command, args []string) error {
			i := slices.Index(kinds, args[0])
			if i < 0 {
				u := usage("samsa list scenarios", "cannot list %q; there are %s", args[0], strings.Join(kinds, ", "))
				u.meant = scenarios.Nearest(args[0], kinds)
				return u
			}
			l := listings()[i]
			rows := l.rows()
			if len(rows) == 0 {
				fmt.Fprintln(a.out, scenarios.Wrap(l.empty, 80))
			}
			wide := 0
			for _, r := range rows {
				wide = max(wide, len(r.name))
			}
			for _, r := range rows {
				fmt.Fprintln(a.out, row(r, min(wide, 30)))
			}
			return nil
		},
	}
}

// row formats a name with its description, which is wrapped beside it.
func row(t thing, wide int) string {
	head := fmt.Sprintf("%-*s  ", wide, t.name)
	if len(t.name) > wide {
		head = t.name + "\n" + strings.Repeat(" ", wide+2)
	}
	lines := strings.Split(scenarios.Wrap(t.doc, 80-wide-2), "\n")
	return strings.TrimRight(head+strings.Join(lines, "\n"+strings.Repeat(" ", wide+2)), " ")
}

// explainCommand explains one row of a list.
func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain NAME",
		Short:   "Explains a check, config, fault, note, scenario or verb",
		Example: "  samsa explain acked-durable\n  samsa explain min.insync.replicas",
		Args:    exactly(1, "one name"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return everyName(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			found := false
			for _, l := range listings() {
				for _, r := range l.rows() {
					if r.name != args[0] {
						continue
					}
					if found {
						fmt.Fprintln(a.out)
					}
					found = true
					fmt.Fprint(a.out, explain(l, r))
				}
			}
			if !found {
				u := usage("samsa list checks", "there is nothing called %q", args[0])
				u.meant = scenarios.Nearest(args[0], everyName())
				return u
			}
			return nil
		},
	}
}

// explain returns the page of one row.
func explain(l listing, r thing) string {
	s := fmt.Sprintf("%s   (%s)\n\n", r.name, l.one)
	switch l.kind {
	case "verbs":
		v, _ := scenarios.LookupVerb(r.name)
		return s + v.Help()
	case "configs":
		return s + scenarios.ExplainConfig(r.name)
	case "scenarios":
		return s + hardWrap(r.doc) + "\n\nsamsa run " + r.name + "\nsamsa print " + r.name + "\n"
	case "notes":
		return s + "NODE " + r.doc + "\n"
	}
	return s + hardWrap(r.doc) + "\n"
}

// everyName returns the names of the rows of all lists.
func everyName() (all []string) {
	for _, l := range listings() {
		for _, r := range l.rows() {
			all = append(all, r.name)
		}
	}
	return all
}

// printCommand prints a scenario's source.
func (a *app) printCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "print SCENARIO",
		Short:   "Prints a scenario's source",
		Example: "  samsa print leader-failover\n  samsa print leader-failover > mine.txt && samsa run ./mine.txt",
		Args:    exactly(1, "one scenario"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return scenarios.Library(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			src, err := source("print", args[0])
			if err == nil {
				_, err = a.out.Write(src)
			}
			return err
		},
	}
}

// helpCommand explains commands and verbs.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND|VERB]",
		Short:   "Explains a command, or a verb of scenarios",
		Example: "  samsa help run\n  samsa help crash",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return helpNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			found := false
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					found = true
					if err := c.Help(); err != nil {
						return err
					}
				}
			}
			v, near := scenarios.LookupVerb(args[0])
			if v != nil {
				if found {
					fmt.Fprintf(a.out, "\nAs a verb of scenarios\n\n")
				}
				fmt.Fprint(a.out, v.Help())
				return nil
			}
			if !found {
				u := usage("samsa list verbs", "no command and no verb %q", args[0])
				if u.meant = near; near == "" {
					u.meant = scenarios.Nearest(args[0], helpNames(root))
				}
				return u
			}
			return nil
		},
	}
}

func helpNames(root *cobra.Command) (all []string) {
	for _, c := range root.Commands() {
		if !c.Hidden {
			all = append(all, c.Name())
		}
	}
	for _, v := range scenarios.Verbs() {
		if !slices.Contains(all, v.Name) {
			all = append(all, v.Name)
		}
	}
	return all
}

// firstSentence returns the text up to its first full stop.
func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}

// hardWrap breaks every paragraph at 80 columns.
func hardWrap(s string) string {
	paras := strings.Split(s, "\n\n")
	for i, p := range paras {
		paras[i] = scenarios.Wrap(p, 80)
	}
	return strings.Join(paras, "\n\n")
}
