package arch

import (
	"os"
	"strings"
	"testing"
)

// rewrite replaces all lines of a ratchet's file but its comments.
func rewrite(t *testing.T, file, old, lines string) {
	t.Helper()
	var head strings.Builder
	for line := range strings.Lines(old) {
		if strings.HasPrefix(line, "#") {
			head.WriteString(line)
		}
	}
	if err := os.WriteFile(file, []byte(head.String()+lines), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Files, functions and types stay small, and the large ones may only shrink.
func TestSize(t *testing.T) {
	text, err := os.ReadFile("size.txt")
	if err != nil {
		t.Fatal(err)
	}
	baseline, err := ParseBaseline(string(text))
	if err != nil {
		t.Fatal(err)
	}
	sizes := load(t).Sizes()
	if *update {
		baseline = Tightened(sizes, baseline)
		rewrite(t, "size.txt", string(text), joined(baseline))
	}
	report(t, Grown(sizes, baseline))
}

func joined(sizes []Size) string {
	var b strings.Builder
	for _, s := range sizes {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

// The ratchet itself, on made-up sizes.
func TestSizeRatchet(t *testing.T) {
	baseline, err := ParseBaseline(`# comment
func log Log.Append 90 one switch of one-line cases
func log Bare 80
type log Log 60
type sim World 130 one object to control a run by
type sim Bare 95
`)
	if err != nil {
		t.Fatal(err)
	}
	size := func(kind, pkg, name string, n int) Size { return Size{Kind: kind, Package: pkg, Name: name, N: n} }
	fn := func(name string, n int) Size { return size("func", "log", name, n) }
	now := []Size{fn("Log.Append", 90), fn("Bare", 80), size("type", "log", "Log", 60), size("type", "sim", "World", 130), size("type", "sim", "Bare", 95)}
	for _, c := range []struct {
		change Size
		want   string // part of the finding; "" is none
	}{
		{size("file", "log", "log.go", 600), ""},
		{size("file", "log", "log.go", 601), "601 lines, over 600"},
		{fn("Log.Append", 89), ""},
		{fn("Log.Append", 91), "90 when it was written down"},
		{fn("Log.Append", 70), "small enough"},
		{fn("New", 70), ""},
		{fn("New", 71), "New has 71 lines, over 70"},
		{size("type", "log", "Log", 59), ""},
		{size("type", "log", "Log", 61), "61 methods, 60 when it was written down"},
		{size("type", "log", "Log", 40), "small enough"},
		{size("type", "log", "Index", 40), ""},
		{size("type", "log", "Index", 41), "Index has 41 methods, over 40"},
		{size("type", "sim", "World", 131), "130 when it was written down"},
	} {
		sizes := []Size{c.change}
		for _, s := range now {
			if s.name() != c.change.name() {
				sizes = append(sizes, s)
			}
		}
		var got []string
		for _, f := range Grown(sizes, baseline) {
			if !strings.Contains(f.What, "Bare") { // always found, twice: they have no reason
				got = append(got, f.What)
			}
		}
		if all := strings.Join(got, "; "); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s\n got  %q\n want %q", c.change, all, c.want)
		}
	}
	var bare []string
	for _, f := range Grown(now, baseline) {
		bare = append(bare, f.What)
	}
	if got, want := strings.Join(bare, "; "), "Bare is listed in size.txt without a reason; Bare is listed in size.txt without a reason"; got != want {
		t.Errorf("sizes without a reason: got %q, want %q", got, want)
	}
	if got := Grown(now[:1], baseline[:2]); len(got) != 1 || !strings.Contains(got[0].What, "does not exist") {
		t.Errorf("a listed function that is gone: got %v, want one finding that says so", got)
	}
	grown := []Size{fn("Log.Append", 95), fn("New", 75), size("type", "log", "Log", 50), size("type", "sim", "World", 30)}
	if got, want := joined(Tightened(grown, baseline)), "func log Log.Append 90 one switch of one-line cases\ntype log Log 50\n"; got != want {
		t.Errorf("tightened:\n%swant:\n%s", got, want)
	}
}

// A line that is not understood would be a limit that does not hold.
func TestBaselineErrors(t *testing.T) {
	for _, text := range []string{"func log", "file log.go 700 why", "type log Log many"} {
		if _, err := ParseBaseline("# head\n" + text); err == nil || !strings.Contains(err.Error(), "size.txt:2") {
			t.Errorf("%q: got %v, want an error that names the line", text, err)
		}
	}
}

// Methods count for their type whatever the receiver looks like, and a function is found in any file of its package.
func TestSizesOfTheModule(t *testing.T) {
	sizes := map[string]int{}
	for _, s := range load(t).Sizes() {
		sizes[s.name()] = s.N
	}
	for name, least := range map[string]int{
		"type internal/arch Size":          4,
		"type internal/arch Program":       10,
		"type coordinator Runtime":         10, // generic
		"func internal/arch Program.Sizes": 30,
		"file internal/arch size.go":       100,
	} {
		if sizes[name] < least {
			t.Errorf("%s is %d, want at least %d", name, sizes[name], least)
		}
	}
}
