package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"samsa/scenarios"
)

// welcome is the output of samsa without arguments on a terminal.
const welcome = `Samsa is a Kafka in a world where a seed decides everything.
  samsa run leader-failover            a leader dies: its story, and a verdict
  samsa run leader-failover --seed 8   the same with other luck
  samsa list scenarios                 what else there is to see
samsa help says more.
`

// helpTemplate shows examples first.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if .HasExample}}Examples
{{.Example}}

{{end}}Usage
  {{.UseLine}}{{if .HasAvailableSubCommands}} COMMAND

Commands{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
`

// root returns the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:                   "samsa",
		DisableFlagsInUseLine: true,
		Short:                 "A Kafka in a deterministic world: run it, break it, see what its promises are worth.",
		Example: "  samsa run leader-failover --seed 7\n" +
			"  samsa help crash                     a verb of scenarios\n" +
			"  samsa print leader-failover          a scenario's source, to start your own from",
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			if a.tty {
				fmt.Fprint(a.out, welcome)
				return nil
			}
			return cmd.Help()
		},
	}
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(a.flagError)
	root.AddCommand(a.runCommand(), a.testCommand(), a.exploreCommand(), a.whyCommand(), a.shrinkCommand(), a.diffCommand(), a.causeCommand(), a.doctorCommand(), a.listCommand(), a.helpCommand(), a.explainCommand(), a.printCommand(), a.versionCommand())
	root.SetHelpCommand(a.helpCommand())
	root.InitDefaultCompletionCmd() // add the completion command now, so that its usage errors can be replaced
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = cobra.ArbitraryArgs, noShell
		}
	}
	return root
}

// noShell runs `samsa completion` without a known shell.
func noShell(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var shells []string
	for _, c := range cmd.Commands() {
		shells = append(shells, c.Name())
	}
	u := usage("samsa help completion", "no completion for %q; there are %s", args[0], strings.Join(shells, ", "))
	if u.meant = scenarios.Nearest(args[0], shells); u.meant != "" {
		u.next = "samsa completion " + u.meant
	}
	return u
}

// noCommand returns the error for an unknown command.
func noCommand(root *cobra.Command, word string) error {
	u := usage("samsa help", "no command %q", word)
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	if _, ok := scenarios.Source(word); ok { // the word is the name of a scenario, so samsa run was most likely meant
		u.next = "samsa run " + word
	} else if u.meant = scenarios.Nearest(word, names); u.meant != "" {
		u.next = "samsa help " + u.meant
	}
	return u
}

var flagWord = regexp.MustCompile(`--?[a-zA-Z][\w-]*`)

// flagError rewrites the errors of the flag parser. If the command is unknown too, an unknown flag most likely belongs to a
// misspelt command.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	if cmd == cmd.Root() && len(a.args) > 0 && !strings.HasPrefix(a.args[0], "-") {
		return noCommand(cmd, a.args[0])
	}
	text := err.Error()
	next := helpOf(cmd)
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		wants := map[string]string{"int": "a number", "duration": "a time such as 90s or 10m", "bool": "true or false, or nothing"}[bad.GetFlag().Value.Type()]
		return usage(next, "--%s must be %s, not %q", bad.GetFlag().Name, cmp.Or(wants, "another value"), bad.GetValue())
	}
	if !strings.HasPrefix(text, "unknown") {
		return usage(next, "%s", text)
	}
	word := flagWord.FindString(text)
	u := usage(next, "%s has no flag %s", cmd.CommandPath(), word)
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	u.meant = scenarios.Nearest(word, names)
	return u
}

// helpOf returns the command that prints the help of a command. A subcommand uses the help of its parent.
func helpOf(cmd *cobra.Command) string {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	if !cmd.HasParent() {
		return "samsa help"
	}
	return "samsa help " + cmd.Name()
}

// completeScenarios completes the name of a scenario, or the path of a file.
func completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scenarios.Library(), cobra.ShellCompDirectiveDefault
}

// exactly requires n arguments. The error for any other number of arguments names the arguments in words.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		if len(args) < n {
			return usage(helpOf(cmd), "%s needs %s", cmd.CommandPath(), what)
		}
		return usage(helpOf(cmd), "%s takes %s, not: %s", cmd.CommandPath(), what, strings.Join(args, " "))
	}
}

// versionCommand prints the version and commit.
func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Prints the version and commit",
		Example: "  samsa version",
		Args:    exactly(0, "no words"),
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(a.out, build())
			return nil
		},
	}
}

// version returns the version of this build in one word. A seed gives the same run only within one version.
func version() string {
	words := strings.Fields(build())
	v := words[1]
	if len(words) > 3 && words[2] == "commit" && !strings.Contains(v, words[3]) {
		v += "-" + words[3]
	}
	return v
}

// build describes this build in one line.
func build() string {
	version, commit := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		// A seed gives the same run only within one version, so a failure report needs the commit.
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = "  commit " + s.Value[:12]
			}
			if s.Key == "vcs.modified" && s.Value == "true" {
				commit += " and changes"
			}
		}
	}
	return fmt.Sprintf("samsa %s%s  %s %s/%s", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
