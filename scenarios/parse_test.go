package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"samsa/sim/env"
)

const sample = `# The follower that was late.  It tells of a race.
#
# And why it ends so.

cluster brokers=3   seed=11 # a remark
topic orders partitions=1
----
orders-0  leader b1

at 1.2s crash b2 power
produce p1 orders-0 "a b" "c\"d" k=v #x
----
----
one

two
----
----
show orders-0
`

func TestParseKeepsPlaces(t *testing.T) {
	f, errs := Parse("sample", []byte(sample))
	if len(errs) != 0 {
		t.Fatal(Errors(errs))
	}
	if f.String() != sample {
		t.Errorf("the tree prints\n%s", f)
	}
	if f.Title != "The follower that was late." {
		t.Errorf("title %q", f.Title)
	}
	if len(f.Blocks) != 3 {
		t.Fatalf("%d blocks, want 3", len(f.Blocks))
	}
	first, second, third := f.Blocks[0], f.Blocks[1], f.Blocks[2]
	if !first.Compared || first.Expected != "orders-0  leader b1\n" || len(first.Lines) != 2 {
		t.Errorf("first block %+v", first)
	}
	if !second.Compared || second.Expected != "one\n\ntwo\n" {
		t.Errorf("second block expects %q", second.Expected)
	}
	if third.Compared || third.Lines[0].Verb.Text != "show" {
		t.Errorf("third block %+v", third)
	}
	at := second.Lines[0]
	if !at.Timed || at.At != 1200*env.Millisecond || at.Verb.Text != "crash" || at.Verb.Col != 9 || at.Verb.Line != 10 {
		t.Errorf("timed line %+v", at)
	}
	args := second.Lines[1].Args
	for i, want := range []string{"p1 11:9", "orders-0 11:12", "a b 11:21", `c"d 11:27`, "k=v 11:34"} {
		if got := fmt.Sprintf("%s %d:%d", args[i].Text, args[i].Line, args[i].Col); got != want {
			t.Errorf("word %d is %s, want %s", i, got, want)
		}
	}
	if args[4].Key != "k" || args[4].Value != "v" || !args[2].Quoted || args[0].Quoted {
		t.Errorf("words %+v", args)
	}
}

func TestRewriteReplacesOutputsOnly(t *testing.T) {
	f, _ := Parse("sample", []byte(sample))
	got := f.Rewrite([]string{"new\nlines\n", "one\n\ntwo\n", "never"})
	want := strings.Replace(sample, "orders-0  leader b1\n", "new\nlines\n", 1)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Outputs that need the long form get it and can be read back, even if the next line is not blank.
	for _, outputs := range [][]string{{"a\n\nb\n", "x\n"}, {"", ""}, {"----\nx\n", "\n"}, {"a\n", "b\n"}} {
		again, errs := Parse("again", []byte(f.Rewrite(outputs)))
		if len(errs) != 0 {
			t.Fatal(Errors(errs))
		}
		for i, out := range outputs {
			if again.Blocks[i].Expected != out {
				t.Errorf("output %q came back as %q", out, again.Blocks[i].Expected)
			}
		}
		if len(again.Blocks) != 3 {
			t.Errorf("%d blocks after %q", len(again.Blocks), outputs)
		}
	}
	// The first file lacks a final line end, and the second has the line ends of Windows.
	f, _ = Parse("short", []byte("show cluster\n----"))
	if got := f.Rewrite([]string{"b1\n"}); got != "show cluster\n----\nb1\n" {
		t.Errorf("got %q", got)
	}
	f, _ = Parse("windows", []byte("show cluster\r\n----\r\nold\r\n"))
	if got := f.Rewrite([]string{"new\n"}); got != "show cluster\r\n----\r\nnew\r\n" || f.Blocks[0].Expected != "old\n" {
		t.Errorf("got %q", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"at 5s", `x:1:1: at needs a time and a verb`},
		{"at 5 crash b1", `x:1:4: "5" is not a span of time such as 40ms, 1.2s or 1m30s`},
		{"\nshow \"abc", `x:2:6: a quote that is never closed`},
		{`show "a\q"`, `x:1:6: no escape \q`},
		{"show a\x00b", `x:1:6: a control character '\x00'`},
		{"----\nx", `x:1:1: an expected output without a verb before it`},
		{"show cluster\n----\n----\nopen", `x:3:1: this output opened with two ---- lines is never closed`},
		{"show \xff", `x:1:1: the line is not UTF-8 text`},
		{strings.Repeat("a ", 2000), `x:1:2001: more than 1000 words`},
		{strings.Repeat("a", maxLineBytes+1), `x:1:1: the line is longer than 16 KiB`},
		{strings.Repeat("\n", maxFileBytes+1), `x:1:1: the file is larger than 1 MiB`},
	} {
		_, errs := Parse("x", []byte(c.src))
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%.40q gives %v, want %s", c.src, Errors(errs), c.want)
		}
	}
}

func TestErrorShowsTheWord(t *testing.T) {
	_, err := Load("x.txt", []byte("cluster\n\tcutt b1 -> b2\n"))
	want := "scenario x.txt:2:2: no verb \"cutt\" (did you mean \"cut\"?)\n" +
		"    2 |  cutt b1 -> b2\n" +
		"      |  ^^^^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	// If the word is far to the right, the caret stays on the screen, and no character moves the cursor.
	_, err = Load("x.txt", []byte("cluster\nshow "+strings.Repeat("\u202e", 200)+" b\n"))
	for line := range strings.Lines(err.Error()) {
		if n := len([]rune(line)); n > 300 || strings.Contains(line, "\u202e") && strings.HasPrefix(line, "    2 |") {
			t.Errorf("%d wide: %q", n, line)
		}
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]env.Duration{
		"40ms": 40 * env.Millisecond, "1.2s": 1200 * env.Millisecond, "1m30s": 90 * env.Second, "0": 0, "0s": 0,
		"0.1s": 100 * env.Millisecond, "-2s": -2 * env.Second, "1d": env.Day, "7us": 7000, "5ns": 5, "1h0.5m": env.Hour + 30*env.Second,
		"1.000000001s": env.Second + 1,
	} {
		if got, bad := parseDuration(s); bad != "" || got != want {
			t.Errorf("%s is %d (%s), want %d", s, got, bad, want)
		}
		if got, bad := parseDuration(formatDuration(want)); bad != "" || got != want {
			t.Errorf("%s written as %s reads as %d", s, formatDuration(want), got)
		}
	}
	for _, s := range []string{"", "5", "s", "1.s", ".5s", "1s2", "--1s", "1e3s", "99999999999999999999s", "1000000d", "5 s", "1.1234567890s"} {
		if got, bad := parseDuration(s); bad == "" {
			t.Errorf("%q reads as %d, want an error", s, got)
		}
	}
}

func TestNearest(t *testing.T) {
	list := []string{"crash", "cut", "cluster", "config", "consume"}
	for word, want := range map[string]string{
		"cutt": "cut", "crsah": "crash", "clustr": "cluster", "cnofig": "config", "xyzzy": "", "": "", "confg": "config",
		strings.Repeat("c", 1000): "",
	} {
		if got := Nearest(word, list); got != want {
			t.Errorf("nearest to %.20q is %q, want %q", word, got, want)
		}
	}
}

// FuzzParse feeds any bytes to the parser. It must not panic, and a parsed file must print as it was read. A rewrite with
// the file's own outputs changes nothing, and a rewrite with other outputs can be parsed to the same lines.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	for _, v := range Verbs() {
		f.Add([]byte("cluster\ntopic orders partitions=2\n" + v.Example + "\n----\nout\n"))
	}
	f.Add([]byte("cluster\r\nat 1.2s crash b1\r\n----\r\n----\r\n\r\n----\r\n----\r\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, errs := Parse("fuzz", src)
		if len(src) <= maxFileBytes && file.String() != string(src) {
			t.Fatal("the tree does not print back")
		}
		for _, e := range errs {
			if e.Line < 1 || e.Col < 1 || strings.ContainsAny(e.Show(), "\x1b\r") {
				t.Fatalf("error %q", e.Show())
			}
		}
		own := make([]string, len(file.Blocks))
		other := make([]string, len(file.Blocks))
		for i, b := range file.Blocks {
			own[i], other[i] = b.Expected, "one\n\ntwo\n"
		}
		if len(errs) == 0 && file.Rewrite(own) != string(src) {
			t.Fatal("its own outputs change the file")
		}
		if len(errs) == 0 {
			again, errs := Parse("again", []byte(file.Rewrite(other)))
			if len(src) < maxFileBytes/8 && (len(errs) != 0 || len(again.Blocks) != len(file.Blocks)) {
				t.Fatalf("%d blocks became %d: %v", len(file.Blocks), len(again.Blocks), Errors(errs))
			}
		}
		if _, err := Load("fuzz", src); err != nil {
			_ = err.Error()
		}
	})
}
