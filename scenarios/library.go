package scenarios

import (
	"embed"
	"strings"
)

// shelf is every scenario file of this directory.
//
//go:embed *.txt
var shelf embed.FS

// Library names the scenarios that are compiled in, in byte order.
func Library() []string {
	entries, _ := shelf.ReadDir(".") // sorted by name, and it cannot fail: the directory is in the binary
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return all
}

// Source is a compiled-in scenario as written; false if there is none of that name.
func Source(name string) ([]byte, bool) {
	src, err := shelf.ReadFile(name + ".txt")
	return src, err == nil
}
