package wire

import (
	"fmt"
	"strings"
)

// InvalidTopicName returns the reason why a text is no name of a topic, in the words of Kafka's responses, or "" if it is one
// (Topic.validate).
func InvalidTopicName(name string) string {
	legal := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	const longest = 249 // Topic.MAX_NAME_LENGTH
	switch {
	case name == "":
		return "the empty string is not allowed"
	case name == "." || name == "..":
		return "'" + name + "' is not allowed"
	case len(name) > longest:
		return fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, longest)
	case strings.ContainsFunc(name, func(c rune) bool { return !legal(c) }):
		return "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	}
	return ""
}
