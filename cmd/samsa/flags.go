package main

import (
	"cmp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"samsa/scenarios"
)

// commonFlags are the flags that several commands have, as typed. A number is a string if cobra's own parser would accept
// odd forms, such as 0x1, or if the error message has an example.
type commonFlags struct {
	seed, until, mode string
	set, rules        []string
	jobs              int
	json              bool
}

// common adds the named flags to a command, in this order. A flag has the same form and the same sentence in all commands.
func (f *commonFlags) common(cmd *cobra.Command, names ...string) {
	flags := cmd.Flags()
	flags.SortFlags = false
	for _, name := range names {
		switch name {
		case "seed":
			flags.StringVar(&f.seed, name, "", "the seed `N` of all random decisions; overrides the file's")
		case "set":
			flags.StringArrayVar(&f.set, name, nil, "sets a config, `NAME=VALUE`, instead of the file's value; may be repeated")
		case "rule":
			flags.StringArrayVar(&f.rules, name, nil, "enables the old rule `ID`; may be repeated")
		case "until":
			flags.StringVar(&f.until, name, "", "stops at `STEP` of the story")
		case "mode":
			flags.StringVar(&f.mode, name, scenarios.ModePointer.String(), "how messages travel: pointer, wire or guard, as `M`")
		case "jobs":
			flags.IntVar(&f.jobs, name, runtime.NumCPU(), "runs `N` worlds at once")
		case "json":
			flags.BoolVar(&f.json, name, false, "prints one JSON object instead of text")
		default:
			panic("no common flag " + name)
		}
	}
}

// knownRules refuses an unknown old rule.
func knownRules(ids []string) error {
	for _, id := range ids {
		if !slices.Contains(ruleNames(), id) {
			u := usage("samsa list rules", "--rule %s: there is no such old rule", id)
			u.meant = scenarios.Nearest(id, ruleNames())
			return u
		}
	}
	return nil
}

// knownJobs refuses a number of worlds below one. The hint is the command with one world.
func knownJobs(command string, jobs int) error {
	if jobs < 1 {
		return usage(command+" --jobs 1", "--jobs must be a number from 1, not %d", jobs)
	}
	return nil
}

// seedOf reads a seed. The hint is the command with a seed.
func seedOf(command, text string) (uint64, error) {
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usage(command+" --seed 7", "--seed must be a number from 0 to 2^64-1, not %q", text)
	}
	return seed, nil
}

// modeOf reads the name of a message mode. Without a name it is the usual mode.
func modeOf(name, next string) (scenarios.Mode, error) {
	modes := []scenarios.Mode{scenarios.ModePointer, scenarios.ModeWire, scenarios.ModeGuard}
	var names []string
	for _, m := range modes {
		if m.String() == cmp.Or(name, scenarios.ModePointer.String()) {
			return m, nil
		}
		names = append(names, m.String())
	}
	u := usage(next, "--mode %s: there are %s", name, strings.Join(names, ", "))
	u.meant = scenarios.Nearest(name, names)
	return 0, u
}

// understand makes a job from the flags and reports every mistake in them before anything runs. It collects the flags that
// change the run in job.again, which becomes the command that repeats the run.
func understand(command, name string, f commonFlags) (*job, error) {
	program, err := load(command, name)
	if err != nil {
		return nil, err
	}
	j := &job{name: name, program: program, json: f.json}
	if f.seed != "" {
		seed, err := seedOf("samsa "+command+" "+name, f.seed)
		if err != nil {
			return nil, err
		}
		j.options.Seed = &seed
	}
	if j.options.Mode, err = modeOf(f.mode, "samsa help "+command); err != nil {
		return nil, err
	}
	if f.until != "" {
		if j.until, err = strconv.ParseUint(f.until, 10, 64); err != nil || j.until == 0 {
			return nil, usage("samsa help "+command, "--until must be the number of a step, from 1, not %q", f.until)
		}
	}
	for _, s := range f.set {
		set, near, err := scenarios.ParseSet(s)
		if err != nil {
			u := usage("samsa list configs", "--set %s: %v", s, err)
			u.meant = near
			return nil, u
		}
		j.options.Set = append(j.options.Set, set)
		j.again += " --set " + shellWord(s)
	}
	if err := knownRules(f.rules); err != nil {
		return nil, err
	}
	j.options.Rules, j.again = f.rules, j.again+ruleFlags(f.rules)
	if j.until > 0 {
		j.again += " --until " + strconv.FormatUint(j.until, 10)
	}
	j.again += modeFlag(j.options.Mode)
	return j, nil
}

// modeFlag returns the flag of a message mode, "" for the usual mode.
func modeFlag(m scenarios.Mode) string {
	if m == scenarios.ModePointer {
		return ""
	}
	return " --mode " + m.String()
}

// ruleFlags returns the flags that enable old rules.
func ruleFlags(rules []string) (s string) {
	for _, id := range rules {
		s += " --rule " + id
	}
	return s
}

// oneOrTwo requires one or two arguments, which are named in words.
func oneOrTwo(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			return nil
		}
		return exactly(1, what)(cmd, args)
	}
}
