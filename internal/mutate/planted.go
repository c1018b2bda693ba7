package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// plantedFiles are the planted mistakes. The format of a file:
//
//	The leader answers an acks=all produce one record too early: …
//
//	in broker/purgatory.go purgatory.completeProduces
//	- if w.end > r.HW() {
//	+ if w.end > r.HW()+1 {
//
// The text before the first line that begins with "in " says what the mistake is. Each "in" line names a file and a
// function. After it, the lines with - are replaced by the lines with +, and the lines with two spaces stay. The old
// lines must stand together in the function exactly once. Indentation does not count, nor does the position in the file.
//
// A file with a line "today: REASON" has no + lines. The code has that mistake today, and the lines of the file show
// where. When the code no longer has these lines, the file does not apply, and it must get + lines.
//
//go:embed testdata/planted/*.txt
var plantedFiles embed.FS

// Planted is a planted mistake.
type Planted struct {
	Mutant
	Doc   string // what the mistake is
	Today string // if not empty, the code has the mistake already, for this reason
}

// plantedMistakes reads all planted mistakes, in the order of their names. An error names every file that does not apply.
func (s *Source) plantedMistakes(files fs.FS) (all []Planted, err error) {
	names, err := fs.Glob(files, "testdata/planted/*.txt")
	if err != nil {
		return nil, err
	}
	var bad []string
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		p, err := s.plant(strings.TrimSuffix(path.Base(name), ".txt"), string(text))
		if err != nil {
			bad = append(bad, path.Base(name)+": "+err.Error())
			continue
		}
		all = append(all, p)
	}
	if bad != nil {
		return all, fmt.Errorf("planted mistakes do not apply any more:\n%s", strings.Join(bad, "\n"))
	}
	return all, nil
}

// hunk is one "in" section of a planted mistake.
type hunk struct {
	file, function string
	old, new       []string
}

// plant reads the file of one mistake and finds its places in the source.
func (s *Source) plant(name, text string) (Planted, error) {
	p := Planted{Mutant: Mutant{ID: "planted/" + name, Operator: "planted"}}
	var hunks []hunk
	for n, line := range strings.Split(text, "\n") {
		rest, isIn := strings.CutPrefix(line, "in ")
		switch {
		case isIn && len(strings.Fields(rest)) == 2:
			hunks = append(hunks, hunk{file: strings.Fields(rest)[0], function: strings.Fields(rest)[1]})
		case strings.HasPrefix(line, "today: "):
			p.Today = strings.TrimPrefix(line, "today: ")
		case len(hunks) == 0:
			p.Doc = strings.TrimSpace(p.Doc + " " + line)
		case !hunks[len(hunks)-1].add(line):
			return p, fmt.Errorf("line %d: %q begins neither with - nor + nor two spaces", n+1, line)
		}
	}
	changes := false
	for i, h := range hunks {
		edit, line, err := s.locate(h)
		if err != nil {
			return p, err
		}
		if i == 0 {
			p.File, p.Line = h.file, line
		}
		changes = changes || !slices.Equal(h.old, h.new)
		p.edits = append(p.edits, edit)
	}
	p.Change = p.Doc
	switch {
	case p.Doc == "" || len(hunks) == 0:
		return p, fmt.Errorf("it needs a description and at least one line: in FILE FUNCTION")
	case changes == (p.Today != ""):
		return p, fmt.Errorf("it changes something, or it has a line today: REASON; not both and not neither")
	}
	return p, nil
}

// add adds a line of the file to the section.
func (h *hunk) add(line string) bool {
	switch {
	case strings.TrimSpace(line) == "":
	case strings.HasPrefix(line, "- "):
		h.old = append(h.old, line[2:])
	case strings.HasPrefix(line, "+ "):
		h.new = append(h.new, line[2:])
	case strings.HasPrefix(line, "  "):
		h.old, h.new = append(h.old, line[2:]), append(h.new, line[2:])
	default:
		return false
	}
	return true
}

// locate finds the old lines of a section in its function.
func (s *Source) locate(h hunk) (e Edit, line int, err error) {
	q := s.find(path.Dir(h.file))
	if q == nil {
		return e, 0, fmt.Errorf("no package %s", path.Dir(h.file))
	}
	for _, file := range q.Files {
		if s.nameOf(file) != h.file {
			continue
		}
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && funcName(fn) == h.function {
				return s.locateIn(h, s.Fset.Position(fn.Pos()).Line, s.Fset.Position(fn.End()).Line)
			}
		}
	}
	return e, 0, fmt.Errorf("%s has no function %s", h.file, h.function)
}

// locateIn finds the old lines of a section between two lines of its file.
func (s *Source) locateIn(h hunk, first, last int) (e Edit, line int, err error) {
	if len(h.old) == 0 {
		return e, 0, fmt.Errorf("the section in %s %s has no old line", h.file, h.function)
	}
	lines := bytes.SplitAfter(s.text[h.file], []byte("\n"))
	at := -1
	for i := first - 1; i+len(h.old) <= last; i++ {
		same := true
		for j, want := range h.old {
			same = same && strings.TrimSpace(string(lines[i+j])) == strings.TrimSpace(want)
		}
		if same && at >= 0 {
			return e, 0, fmt.Errorf("%s %s has the line %q twice, in %d and %d", h.file, h.function, strings.TrimSpace(h.old[0]), at+1, i+1)
		}
		if same {
			at = i
		}
	}
	if at < 0 {
		return e, 0, fmt.Errorf("%s %s does not have the line %q with those after it", h.file, h.function, strings.TrimSpace(h.old[0]))
	}
	from := len(bytes.Join(lines[:at], nil))
	to := from + len(bytes.Join(lines[at:at+len(h.old)], nil))
	text := ""
	for _, l := range h.new {
		text += l + "\n"
	}
	return Edit{h.file, from, to, text}, at + 1, nil
}
