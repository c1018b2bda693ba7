package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script is one file of testdata: requests of one family, in the order in which they are sent, with the answers that Apache
// Kafka gave.
//
//	cluster brokers=3 controllers=1            the first line
//	masked HighWatermark                       fields whose positive numbers differ from run to run
//	unordered Topics                           lists without an order
//
//	# A comment.
//	CreateTopics 2,5,7 b1 {Topics: [{Name: t$v, NumPartitions: 1}]}
//	---- 2
//	ThrottleTimeMs: 0
//	…
//	---- 5,7
//	…
//	stop b2                                    also: start b2, wait 500ms
//
// A request has the name of its API, its versions, the broker, and its fields by their names in Kafka's schemas; a field that
// is not there has its default. The versions * are the lowest, a middle and the highest that Kafka serves. If there are several,
// a version ignores the fields that it does not have. $v is the version, $id.orders the id of the topic orders, $old.orders its
// id before it was deleted, and $x249 a name of 249 letters.
type script struct {
	name      string
	cluster   []string // brokers=3 controllers=1 name=value …
	masked    []string
	unordered []string
	items     []*item
}

// item is one line of a script, with the answers after it.
type item struct {
	line    string // as written
	number  int    // of the line in the file
	verb    string // stop, start, wait; "" for a comment, an empty line or a request
	arg     string
	request *request
	answers []*answer
}

// request is one line with a request.
type request struct {
	api      string
	versions []int16
	node     string
	body     *value
}

// answer is what Kafka answered to some versions of a request.
type answer struct {
	versions []int16
	lines    []string
}

// answer returns the recorded answer to a version, or nil.
func (it *item) answer(version int16) []string {
	for _, a := range it.answers {
		if slices.Contains(a.versions, version) {
			return a.lines
		}
	}
	return nil
}

// keep records the answer to a version. Equal answers of consecutive versions are one.
func (it *item) keep(version int16, lines []string) {
	if n := len(it.answers); n > 0 && slices.Equal(it.answers[n-1].lines, lines) {
		it.answers[n-1].versions = append(it.answers[n-1].versions, version)
		return
	}
	it.answers = append(it.answers, &answer{[]int16{version}, lines})
}

// divider begins the answers of some versions.
const divider = "---- "

// parseScript reads a file.
func parseScript(name, text string, all schemas) (*script, error) {
	s := &script{name: name}
	var into *answer
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		var err error
		versions, divides := strings.CutPrefix(line, divider)
		switch words := strings.Fields(line); {
		case divides:
			last := s.items[len(s.items)-1]
			into = &answer{}
			into.versions, err = numbers(versions)
			if last.request == nil {
				err = fmt.Errorf("answers without a request")
			}
			last.answers = append(last.answers, into)
		case into != nil && line != "":
			into.lines = append(into.lines, line)
		case len(words) > 0 && words[0] == "cluster":
			s.cluster = words[1:]
		case len(words) > 0 && words[0] == "masked":
			s.masked = words[1:]
		case len(words) > 0 && words[0] == "unordered":
			s.unordered = words[1:]
		default:
			into = nil
			var it *item
			it, err = parseItem(line, words, all)
			if it != nil {
				it.number = i + 1
				s.items = append(s.items, it)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	if len(s.cluster) == 0 {
		return nil, fmt.Errorf("%s: no line begins with cluster", name)
	}
	return s, nil
}

func numbers(text string) (all []int16, err error) {
	for _, one := range strings.Split(text, ",") {
		n, err := strconv.ParseInt(one, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is no list of versions", text)
		}
		all = append(all, int16(n))
	}
	return all, nil
}

func parseItem(line string, words []string, all schemas) (*item, error) {
	it := &item{line: line}
	if len(words) == 0 || words[0] == "#" {
		return it, nil
	}
	switch words[0] {
	case "stop", "start", "wait":
		if len(words) != 2 {
			return nil, fmt.Errorf("%s has one argument", words[0])
		}
		it.verb, it.arg = words[0], words[1]
		if it.verb == "wait" {
			_, err := time.ParseDuration(it.arg)
			return it, err
		}
		return it, nil
	}
	parts := strings.SplitN(line, " ", 4)
	if len(parts) < 3 {
		return nil, fmt.Errorf("a request has an API, versions and a broker")
	}
	s := all.find(parts[0], true)
	if s == nil {
		return nil, fmt.Errorf("no API %s; there are %s", parts[0], strings.Join(all.apis(), ", "))
	}
	r := &request{api: parts[0], node: parts[2], body: &value{kind: structure}}
	var err error
	if parts[1] == "*" {
		low, high := s.valid.low, s.valid.end-1
		r.versions = slices.Compact([]int16{low, (low + high) / 2, high})
	} else if r.versions, err = numbers(parts[1]); err != nil {
		return nil, err
	}
	if len(parts) == 4 {
		if r.body, err = parse(parts[3]); err != nil {
			return nil, err
		}
	}
	it.request = r
	return it, nil
}

// text prints the file.
func (s *script) text() string {
	var b strings.Builder
	for _, head := range []struct {
		name  string
		words []string
	}{{"cluster", s.cluster}, {"masked", s.masked}, {"unordered", s.unordered}} {
		if len(head.words) > 0 {
			fmt.Fprintf(&b, "%s %s\n", head.name, strings.Join(head.words, " "))
		}
	}
	empty := false
	for _, it := range s.items {
		if it.line == "" && empty {
			continue
		}
		empty = it.line == ""
		fmt.Fprintf(&b, "%s\n", it.line)
		for _, a := range it.answers {
			var list []string
			for _, v := range a.versions {
				list = append(list, strconv.Itoa(int(v)))
			}
			fmt.Fprintf(&b, "%s%s\n%s\n", divider, strings.Join(list, ","), strings.Join(a.lines, "\n"))
		}
		if len(it.answers) > 0 {
			b.WriteByte('\n')
			empty = true
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// cases returns the number of requests that the script sends, one for each version.
func (s *script) cases() (n int) {
	for _, it := range s.items {
		if it.request != nil {
			n += len(it.request.versions)
		}
	}
	return n
}
