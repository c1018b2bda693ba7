package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
)

// The second pass over a scenario file resolves every word, in the order of the lines. All errors of a file are reported
// before the first event, so a misspelt word never stops a run halfway.

// Program is a scenario with all words resolved.
type Program struct {
	File      *File
	Overrides []Override // in the order of their lines
	code      []Command
	ns        names
	rules     []string // the old rules of its rule lines
	own       []cluster.OwnConfigs
	found     []Found

	compiled map[*Verb][][]item // the compiled forms of the verbs seen so far
}

// Command is one line of a program.
type Command struct {
	Line  Line
	Verb  *Verb
	Args  *Args
	Block int // the index of the line's block in File.Blocks
}

// Load parses and binds a scenario.
func Load(name string, src []byte) (*Program, error) {
	f, errs := Parse(name, src)
	p, more := bind(f)
	errs = append(errs, more...)
	if len(errs) == 0 && len(p.code) == 0 {
		errs = append(errs, f.errorAt(Word{Line: max(1, len(f.lines)), Col: 1}, "no verb in this file; it should begin with a cluster line", ""))
	}
	if len(errs) == 0 {
		return p, nil
	}
	slices.SortStableFunc(errs, func(a, b *Error) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return nil, Errors(errs[:min(len(errs), maxErrors)])
}

// bind resolves a file's lines.
func bind(f *File) (*Program, []*Error) {
	p := &Program{File: f, compiled: map[*Verb][][]item{}}
	var errs []*Error
	for i, block := range f.Blocks {
		for _, line := range block.Lines {
			if len(errs) == maxErrors {
				return p, errs
			}
			c, err := p.command(line)
			if err != nil {
				if err.Verb == "" && c.Verb != nil {
					err.Verb = c.Verb.Name
				}
				errs = append(errs, err)
				if c.Verb == nil || c.Args == nil || !c.Verb.makes() {
					continue
				}
			}
			c.Block = i
			p.code = append(p.code, c)
		}
	}
	return p, errs
}

// command resolves one line. After an error it returns the part that it has resolved, so that a topic with a misspelt config
// still exists for later lines.
func (p *Program) command(l Line) (Command, *Error) {
	c := Command{Line: l}
	f := p.File
	verb, near := LookupVerb(l.Verb.Text)
	if verb == nil || l.Verb.Quoted {
		return c, f.errorAt(l.Verb, fmt.Sprintf("no verb %q", l.Verb.Text), near)
	}
	c.Verb = verb
	if verb.Run == nil && !verb.early() {
		return c, f.errorAt(l.Verb, fmt.Sprintf("%s cannot stand alone; usage: %s", verb.Name, verb.usage(verb.Forms[0])), "")
	}
	if l.Timed && !verb.Timed {
		return c, f.errorAt(l.Verb, fmt.Sprintf("%s cannot be given a time: the verbs that may follow at are %s", verb.Name, timedVerbs()), "")
	}
	if !p.ns.cluster && verb != verbCluster && !verb.early() {
		p.ns.cluster, p.ns.brokers, p.ns.controllers = true, 3, 3 // report the error once, then assume a default cluster
		e := f.errorAt(l.Verb, "the first verb must be cluster, as in: cluster brokers=3 controllers=3", "")
		e.Verb = verbCluster.Name
		return c, e
	}
	args := &Args{Timed: l.Timed}
	var words []Word
	var first *Error
	for _, w := range l.Args {
		if w.Key == "" {
			words = append(words, w)
		} else if bad := p.keyed(verb, args, w); bad != nil && first == nil {
			first = f.errorAt(bad.word, bad.msg, bad.suggestion)
		}
	}
	var miss *mismatch
	if args.bound, miss = matchForms(p.forms(verb), &p.ns, words); miss != nil {
		return c, miss.complain(f, l, verb, words)
	}
	c.Args = args
	if verb.Check != nil {
		if bad := verb.Check(&p.ns, args); bad != nil && first == nil {
			if bad.word.Line == 0 {
				bad.word = l.Verb
			}
			first = f.errorAt(bad.word, bad.msg, bad.suggestion)
		}
	}
	if bad := p.enter(&c); bad != nil && first == nil {
		if bad.word.Line == 0 {
			bad.word = l.Verb
		}
		first = f.errorAt(bad.word, bad.msg, bad.suggestion)
	}
	return c, first
}

// forms returns a verb's compiled forms.
func (p *Program) forms(v *Verb) [][]item {
	if _, ok := p.compiled[v]; !ok {
		for _, form := range v.Forms {
			p.compiled[v] = append(p.compiled[v], compileForm(form))
		}
	}
	return p.compiled[v]
}

// keyed reads a key=value word.
func (p *Program) keyed(v *Verb, a *Args, w Word) *complaint {
	for _, k := range v.Keys {
		if k.Name != w.Key {
			continue
		}
		value := w
		value.Text = w.Value
		x, bad := kindOf(k.Kind).read(&p.ns, value)
		if bad != "" {
			return &complaint{w, k.Name + ": " + bad, ""}
		}
		if a.has(k.Name) {
			return &complaint{w, k.Name + " is given twice", ""}
		}
		a.keys = append(a.keys, bound{k.Name, w, x})
		return nil
	}
	if v.Configs == "" {
		msg := fmt.Sprintf("%s knows no %s=; put the word into quotes if it is a value", v.Name, w.Key)
		return &complaint{w, msg, Nearest(w.Key, keyNames(v))}
	}
	s, bad := readSetting(v.Configs, w)
	if bad != nil {
		if bad.suggestion == "" {
			bad.suggestion = Nearest(w.Key, keyNames(v))
		}
		return bad
	}
	for _, other := range a.Settings {
		if other.Name == s.Name {
			return &complaint{w, s.Name + " is given twice", ""}
		}
	}
	a.Settings, a.settings = append(a.Settings, s), append(a.settings, w)
	return nil
}

func keyNames(v *Verb) []string {
	all := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		all[i] = k.Name
	}
	return all
}

// enter adds a line that applies before the first event, such as pin or rule, to the program.
func (p *Program) enter(c *Command) *complaint {
	if c.Verb.Overrides != nil {
		p.Overrides = append(p.Overrides, c.Verb.Overrides(c.Args)...)
	}
	if c.Verb.Declare != nil {
		return c.Verb.Declare(p, c)
	}
	return nil
}

// makes reports whether this verb creates names for later lines.
func (v *Verb) makes() bool { return v == verbCluster || v == verbTopic }

// timedVerbs lists the verbs that may follow "at TIME".
func timedVerbs() string {
	var all []string
	for _, v := range Verbs() {
		if v.Timed {
			all = append(all, v.Name)
		}
	}
	return strings.Join(all, ", ")
}
