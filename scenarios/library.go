package scenarios

import (
	"embed"
	"strings"
)

// shelf holds every scenario file of this directory.
//
//go:embed *.txt
var shelf embed.FS

// Library returns the names of the compiled-in scenarios, in byte order.
func Library() []string {
	entries, _ := shelf.ReadDir(".") // sorted by name; it cannot fail, because the directory is in the binary
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return all
}

// Source returns a compiled-in scenario as written, and false if none has that name.
func Source(name string) ([]byte, bool) {
	src, err := shelf.ReadFile(name + ".txt")
	return src, err == nil
}
