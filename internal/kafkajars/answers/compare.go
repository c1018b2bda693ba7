package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// difference is one field of an answer that is not equal to Kafka's.
type difference struct {
	path        string // Topics[0].Partitions[1].ErrorCode
	kafka, ours string // "nothing" if the answer lacks the field
}

// nothing stands for a field that an answer lacks.
const nothing = "nothing"

// compare compares two answers field by field. The order of the elements does not matter in the named lists.
func compare(kafka, ours []string, s *script) ([]difference, error) {
	if instead(kafka) || instead(ours) { // no answer at all
		k, o := strings.Join(kafka, " "), strings.Join(ours, " ")
		if k == o {
			return nil, nil
		}
		return []difference{{"", k, o}}, nil
	}
	a, err := parseBlock(kafka)
	if err != nil {
		return nil, fmt.Errorf("Kafka's answer: %w", err)
	}
	b, err := parseBlock(ours)
	if err != nil {
		return nil, fmt.Errorf("our answer: %w", err)
	}
	var all []difference
	for _, v := range []*value{a, b} { // what was recorded may be older than the first lines of the script
		mask(v, s.masked)
		sortLists(v, s.unordered)
	}
	diff(&all, "", a, b)
	return all, nil
}

// instead reports whether the lines say what happened instead of an answer.
func instead(lines []string) bool {
	return len(lines) == 1 && (lines[0] == errClosed.Error() || lines[0] == errSilent.Error() || lines[0] == errMute.Error())
}

func diff(all *[]difference, path string, kafka, ours *value) {
	if kafka.kind != ours.kind || kafka.kind == scalar {
		if k, o := kafka.String(), ours.String(); k != o {
			*all = append(*all, difference{path, k, o})
		}
		return
	}
	for _, f := range kafka.fields {
		inner := join(path, f.name)
		if v := ours.get(f.name); v != nil {
			diff(all, inner, f.v, v)
		} else {
			*all = append(*all, difference{inner, f.v.String(), nothing})
		}
	}
	for _, f := range ours.fields {
		if kafka.get(f.name) == nil {
			*all = append(*all, difference{join(path, f.name), nothing, f.v.String()})
		}
	}
	if key := keyOf(kafka, ours); key != "" {
		diffByKey(all, path, key, kafka, ours)
		return
	}
	for i := range max(len(kafka.list), len(ours.list)) {
		inner := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(ours.list):
			*all = append(*all, difference{inner, kafka.list[i].String(), nothing})
		case i >= len(kafka.list):
			*all = append(*all, difference{inner, nothing, ours.list[i].String()})
		default:
			diff(all, inner, kafka.list[i], ours.list[i])
		}
	}
}

// keys are the fields by which the elements of a list are told apart, so that an element that is missing does not make all later
// ones differ.
var keys = []string{"Name", "ApiKey", "ResourceName"}

// keyOf returns the key of two lists, or "" if there is none.
func keyOf(a, b *value) string {
	for _, key := range keys {
		seen, ok := map[string]int{}, true
		for side, v := range []*value{a, b} {
			for _, e := range v.list {
				id := e.get(key)
				if ok = ok && id != nil && seen[id.text]&(1<<side) == 0; ok {
					seen[id.text] |= 1 << side
				}
			}
		}
		if ok && len(seen) > 0 {
			return key
		}
	}
	return ""
}

// diffByKey compares the elements with equal keys, and then their order.
func diffByKey(all *[]difference, path, key string, kafka, ours *value) {
	find := func(in *value, id string) *value {
		for _, e := range in.list {
			if e.get(key).text == id {
				return e
			}
		}
		return nil
	}
	var left, right []string
	for _, e := range kafka.list {
		id := e.get(key).text
		inner := fmt.Sprintf("%s[%s]", path, id)
		if other := find(ours, id); other != nil {
			left = append(left, id)
			diff(all, inner, e, other)
		} else {
			*all = append(*all, difference{inner, e.String(), nothing})
		}
	}
	for _, e := range ours.list {
		id := e.get(key).text
		if find(kafka, id) != nil {
			right = append(right, id)
		} else {
			*all = append(*all, difference{fmt.Sprintf("%s[%s]", path, id), nothing, e.String()})
		}
	}
	if !slices.Equal(left, right) {
		*all = append(*all, difference{path, strings.Join(left, ","), strings.Join(right, ",")})
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// sortLists sorts the named lists by the text of their elements.
func sortLists(v *value, unordered []string) {
	for _, f := range v.fields {
		sortLists(f.v, unordered)
		if slices.Contains(unordered, f.name) {
			slices.SortStableFunc(f.v.list, func(a, b *value) int { return strings.Compare(a.order(), b.order()) })
		}
	}
	for _, e := range v.list {
		sortLists(e, unordered)
	}
}

// order is the text by which lists without an order are sorted: the keys of an element, then all of it.
func (v *value) order() string {
	text := ""
	for _, key := range keys {
		if id := v.get(key); id != nil {
			text += id.text + " "
		}
	}
	return text + v.String()
}

// mask replaces the numbers above 0 and the ids in the named fields and lists, which differ from run to run.
func mask(v *value, masked []string) {
	for _, f := range v.fields {
		if slices.Contains(masked, f.name) {
			maskOne(f.v)
			for _, e := range f.v.list {
				maskOne(e)
			}
		}
		mask(f.v, masked)
	}
	for _, e := range v.list {
		mask(e, masked)
	}
}

func maskOne(v *value) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	switch {
	case v.kind != scalar || v.isNull():
	case err == nil && !v.quoted && n > 0:
		v.text = "$n"
	case err != nil && len(v.text) == 22:
		v.text = "$uuid"
	}
}
