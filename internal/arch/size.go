package arch

// The size ratchet. A file that passes the aim is written down in size.txt with its length, a function that passes
// its limit with its length and a reason; from then on they may only shrink.

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The limits, in lines.
const (
	fileAim   = 600 // above it a file is listed in size.txt
	fileLimit = 800 // above it a second idea has moved in
	funcLimit = 120 // above it a function is listed in size.txt, with a reason
)

// Size is the length of one file or function.
type Size struct {
	Kind  string // "file" or "func"
	File  string // inside the module
	Func  string // "" for files; "Type.Method" or "Name"
	Lines int
	Why   string // functions only
}

// name identifies a size from one commit to the next.
func (s Size) name() string { return strings.TrimSuffix(s.Kind+" "+s.File+" "+s.Func, " ") }

// String is the size as a line of size.txt.
func (s Size) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", s.name(), s.Lines, s.Why))
}

// Sizes measures every file of the module, tests included, and every function outside tests. Generated files are
// left out.
func (p *Program) Sizes() []Size {
	var sizes []Size
	for _, q := range p.Packages {
		for i, f := range slices.Concat(q.Files, q.Tests) {
			if ast.IsGenerated(f) {
				continue
			}
			file := p.position(f.FileStart).Filename
			sizes = append(sizes, Size{Kind: "file", File: file, Lines: p.Fset.File(f.FileStart).LineCount() - 1})
			if i >= len(q.Files) {
				continue
			}
			for _, d := range f.Decls {
				if fd, ok := d.(*ast.FuncDecl); ok {
					lines := p.position(fd.End()).Line - p.position(fd.Pos()).Line + 1
					sizes = append(sizes, Size{Kind: "func", File: file, Func: funcName(fd), Lines: lines})
				}
			}
		}
	}
	slices.SortFunc(sizes, func(a, b Size) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), cmp.Compare(b.Lines, a.Lines), strings.Compare(a.name(), b.name()))
	})
	return sizes
}

// funcName is a function's name with its receiver's type: "Log.Append".
func funcName(fd *ast.FuncDecl) string {
	if fd.Recv == nil || len(fd.Recv.List) == 0 {
		return fd.Name.Name
	}
	t := fd.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := unindexed(t).(*ast.Ident); ok {
		return id.Name + "." + fd.Name.Name
	}
	return fd.Name.Name
}

// listed says whether a length has to be written down.
func (s Size) listed() bool {
	return s.Kind == "file" && s.Lines > fileAim || s.Kind == "func" && s.Lines > funcLimit
}

// ParseBaseline reads size.txt: `file PATH LINES` and `func PATH NAME LINES REASON`, with # for comments.
func ParseBaseline(text string) ([]Size, error) {
	var sizes []Size
	sc := bufio.NewScanner(strings.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		w := strings.Fields(line)
		var s Size
		var lines string
		switch {
		case w[0] == "file" && len(w) == 3:
			s, lines = Size{Kind: w[0], File: w[1]}, w[2]
		case w[0] == "func" && len(w) >= 4:
			s, lines = Size{Kind: w[0], File: w[1], Func: w[2], Why: strings.Join(w[4:], " ")}, w[3]
		default:
			return nil, fmt.Errorf("size.txt:%d: %q is neither `file PATH LINES` nor `func PATH NAME LINES REASON`", n, line)
		}
		var err error
		if s.Lines, err = strconv.Atoi(lines); err != nil {
			return nil, fmt.Errorf("size.txt:%d: %q is not a number of lines", n, lines)
		}
		sizes = append(sizes, s)
	}
	return sizes, sc.Err()
}

// Grown compares the module with its baseline.
func Grown(sizes, baseline []Size) []Finding {
	was := map[string]Size{}
	for _, b := range baseline {
		was[b.name()] = b
	}
	var found []Finding
	report := func(s Size, what, why string) {
		found = append(found, Finding{token.Position{Filename: filepath.ToSlash(s.File), Line: 1, Column: 1}, "size", what, why})
	}
	for _, s := range sizes {
		b, known := was[s.name()]
		delete(was, s.name())
		switch {
		case s.Kind == "file" && s.Lines > fileLimit: // no listing helps
			report(s, fmt.Sprintf("%d lines, over %d", s.Lines, fileLimit), "a second idea has moved in: give it a file of its own")
		case s.listed() && !known && s.Kind == "file":
			report(s, fmt.Sprintf("%d lines, over the aim of %d", s.Lines, fileAim),
				"split it, or, if it is one idea, write it down: go test ./internal/arch -run Size -update")
		case s.listed() && !known:
			report(s, fmt.Sprintf("%s has %d lines, over %d", s.Func, s.Lines, funcLimit),
				"split it where its chapters are, or, if it is one algorithm or one switch, add `"+s.String()+" REASON` to internal/arch/size.txt")
		case s.listed() && s.Lines > b.Lines:
			report(s, fmt.Sprintf("%s%d lines, %d when it was written down", strings.TrimPrefix(s.Func+" ", " "), s.Lines, b.Lines),
				"what is listed in internal/arch/size.txt may only shrink: move the new part out")
		case s.listed() && s.Kind == "func" && len(strings.Fields(b.Why)) < 2:
			report(s, s.Func+" is listed in size.txt without a reason", "say why it is better long")
		case !s.listed() && known:
			report(s, s.name()+" is listed in size.txt and has become short enough", "take it off the list: go test ./internal/arch -run Size -update")
		}
	}
	for _, b := range baseline {
		if _, gone := was[b.name()]; gone {
			report(b, b.name()+" is listed in size.txt and is gone", "take it off the list: go test ./internal/arch -run Size -update")
		}
	}
	return found
}

// Tightened is the baseline as it should be written: nothing longer than it was, nothing that is short or gone, and
// files that have passed the aim since. Functions are added by hand, with their reason.
func Tightened(sizes, baseline []Size) []Size {
	was := map[string]Size{}
	for _, b := range baseline {
		was[b.name()] = b
	}
	var out []Size
	for _, s := range sizes {
		b, known := was[s.name()]
		switch {
		case !s.listed() || s.Kind == "file" && s.Lines > fileLimit:
		case known:
			b.Lines = min(b.Lines, s.Lines)
			out = append(out, b)
		case s.Kind == "file":
			out = append(out, s)
		}
	}
	return out
}
