package scenarios

import (
	"strings"
	"unicode/utf8"

	"samsa/sim/env"
)

// The first pass over a scenario file finds words, lines and blocks. It does not look up verbs. The second pass (bind.go)
// resolves every word. A File keeps all bytes of the file, so that a rewrite changes only outputs. It also keeps the
// position of every word, so that errors can point at a word.
//
//	# The leader crashes, and b2 takes over.    a comment; the comment at the start is the file's story
//	cluster brokers=3 seed=11                   a line: verb, then words
//	at 1.2s crash b2 power                      a timed line
//	----                                        ends a block and opens its expected output
//	orders-0  leader b1                         output, up to a blank line
//
// An output that has blank lines is enclosed by two pairs of ---- lines. A block without ---- has no expected output.

// These limits of a file keep the parser fast and small on any input.
const (
	maxFileBytes = 1 << 20
	maxLineBytes = 16 << 10
	maxLineWords = 1000
	maxErrors    = 20
)

// File is a scenario as written.
type File struct {
	Name   string
	Title  string // the first sentence of the leading comment
	Story  string // the whole leading comment, without its marks
	Blocks []Block
	lines  []string // every line with its ending; joined they are the file
}

// Block is a group of lines and their expected output. A ---- line or a blank line ends the group.
type Block struct {
	Lines    []Line
	Compared bool   // the block ends with ----, so its output is compared with Expected
	Expected string // each line ends with \n; empty if nothing is expected
	from, to int    // File.lines[from:to] holds the output and all ---- lines around it except the first
	double   bool   // the output is in the form that may contain blank lines
}

// Line is one verb with its words.
type Line struct {
	Num   int // from 1
	Timed bool
	At    env.Duration // the time since the world began; only set if Timed
	Verb  Word
	Args  []Word
	End   int // the column after the last word
}

// String returns the line in canonical form.
func (l Line) String() string {
	words := append([]string{l.Verb.Raw}, rawWords(l.Args)...)
	if l.Timed {
		words = append([]string{"at", formatDuration(l.At)}, words...)
	}
	return strings.Join(words, " ")
}

// Word is one word, with its position.
type Word struct {
	Text   string // with quotes and escapes resolved
	Raw    string // as written
	Line   int    // from 1
	Col    int    // from 1, in characters
	Quoted bool   // the whole word is quoted, so it is never read as key=value or as a fixed word of the verb, such as power
	Key    string // the key of key=value; empty for other words
	Value  string // the value of key=value
}

// Parse reads a file. If there are errors, the returned File has only the lines without errors.
func Parse(name string, src []byte) (*File, []*Error) {
	f := &File{Name: name}
	p := &parser{file: f}
	if len(src) > maxFileBytes {
		p.fail(Word{Line: 1, Col: 1}, "the file is larger than 1 MiB", "")
		return f, p.errs
	}
	f.lines = splitLines(string(src))
	p.story()
	for p.at < len(f.lines) && len(p.errs) < maxErrors {
		p.line()
	}
	p.closeBlock()
	return f, p.errs
}

// String returns the file byte for byte.
func (f *File) String() string { return strings.Join(f.lines, "") }

// Rewrite returns the file with the expected output of each compared block replaced and all other bytes unchanged. outputs
// has one entry per block; entries of blocks that are not compared are ignored.
func (f *File) Rewrite(outputs []string) string {
	ending := "\n"
	if len(f.lines) > 0 && strings.HasSuffix(f.lines[0], "\r\n") {
		ending = "\r\n"
	}
	var b strings.Builder
	at := 0
	for i, block := range f.Blocks {
		if !block.Compared || i >= len(outputs) || outputs[i] == block.Expected {
			continue
		}
		for ; at < block.from; at++ {
			b.WriteString(f.lines[at])
		}
		if at > 0 && !strings.HasSuffix(f.lines[at-1], "\n") {
			b.WriteString(ending)
		}
		out := outputs[i]
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		glued := block.to < len(f.lines) && strings.TrimSpace(f.lines[block.to]) != ""
		if glued || mustDouble(out) {
			out = mark + "\n" + out + mark + "\n" + mark + "\n"
		}
		b.WriteString(strings.ReplaceAll(out, "\n", ending))
		at = block.to
	}
	for ; at < len(f.lines); at++ {
		b.WriteString(f.lines[at])
	}
	return b.String()
}

// mark is the line that ends the lines of a block.
const mark = "----"

// mustDouble reports whether an output needs two pairs of ---- lines, because it has a blank line or begins with a mark.
func mustDouble(out string) bool {
	if strings.HasPrefix(out, mark+"\n") {
		return true
	}
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) == "" {
			return true
		}
	}
	return false
}

// splitLines splits after each \n.
func splitLines(s string) []string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, line)
	}
	return lines
}

type parser struct {
	file *File
	at   int // the index of the next line
	open []Line
	errs []*Error
}

// story reads the leading comment.
func (p *parser) story() {
	var told []string
	for _, raw := range p.file.lines {
		text := strings.TrimSpace(raw)
		if !strings.HasPrefix(text, "#") {
			break
		}
		told = append(told, strings.TrimSpace(strings.TrimLeft(text, "#")))
	}
	p.file.Story = strings.TrimSpace(strings.Join(told, "\n"))
	flow := strings.Join(strings.Fields(p.file.Story), " ")
	p.file.Title = flow
	if i := strings.Index(flow, ". "); i >= 0 {
		p.file.Title = flow[:i+1]
	}
}

// line reads the next line. If the line is a mark, it also reads the output after it.
func (p *parser) line() {
	num := p.at + 1
	raw := strings.TrimRight(p.file.lines[p.at], "\r\n")
	p.at++
	text := strings.TrimSpace(raw)
	switch {
	case text == "":
		p.closeBlock()
	case text == mark:
		p.output()
	case strings.HasPrefix(text, "#"):
	case len(raw) > maxLineBytes:
		p.fail(Word{Line: num, Col: 1}, "the line is longer than 16 KiB", "")
	case !utf8.ValidString(raw):
		p.fail(Word{Line: num, Col: 1}, "the line is not UTF-8 text", "")
	default:
		words, ok := p.words(num, raw)
		if ok && len(words) > 0 {
			p.directive(words)
		}
	}
}

// directive makes a line from its words. It removes a leading "at TIME".
func (p *parser) directive(words []Word) {
	last := words[len(words)-1]
	l := Line{Num: words[0].Line, End: last.Col + utf8.RuneCountInString(last.Raw)}
	if words[0].Text == "at" && !words[0].Quoted {
		if len(words) < 3 {
			p.fail(words[0], "at needs a time and a verb, as in: at 1.2s crash b2", "")
			return
		}
		at, err := parseDuration(words[1].Text)
		if err != "" {
			p.fail(words[1], err, "")
			return
		}
		l.Timed, l.At, words = true, at, words[2:]
	}
	l.Verb, l.Args = words[0], words[1:]
	p.open = append(p.open, l)
}

// closeBlock ends the current block without an expected output.
func (p *parser) closeBlock() {
	if len(p.open) > 0 {
		p.file.Blocks = append(p.file.Blocks, Block{Lines: p.open})
		p.open = nil
	}
}

// output reads the text after a mark.
func (p *parser) output() {
	lines := p.file.lines
	if len(p.open) == 0 {
		p.fail(Word{Text: mark, Raw: mark, Line: p.at, Col: 1}, "an expected output without a verb before it", "")
	}
	b := Block{Lines: p.open, Compared: true, from: p.at}
	p.open = nil
	isMark := func(i int) bool { return i < len(lines) && strings.TrimSpace(lines[i]) == mark }
	var out strings.Builder
	take := func() {
		out.WriteString(strings.TrimRight(lines[p.at], "\r\n"))
		out.WriteByte('\n')
		p.at++
	}
	if isMark(p.at) {
		b.double = true
		p.at++
		for p.at < len(lines) && !(isMark(p.at) && isMark(p.at+1)) {
			take()
		}
		if p.at >= len(lines) {
			p.fail(Word{Text: mark, Raw: mark, Line: b.from + 1, Col: 1},
				"this output opened with two ---- lines is never closed by two ---- lines", "")
		}
		p.at = min(p.at+2, len(lines))
	} else {
		for p.at < len(lines) && strings.TrimSpace(lines[p.at]) != "" {
			take()
		}
	}
	b.to, b.Expected = p.at, out.String()
	if len(b.Lines) > 0 {
		p.file.Blocks = append(p.file.Blocks, b)
	}
}

// fail records an error at a word.
func (p *parser) fail(at Word, msg, suggestion string) {
	if len(p.errs) < maxErrors {
		p.errs = append(p.errs, p.file.errorAt(at, msg, suggestion))
	}
}
