package main

import (
	"fmt"
	"io/fs"
	"strings"
)

// book has all scripts, and the schemas in which their requests and answers are written.
type book struct {
	schemas
	scripts []*script
}

// readScripts reads the families of a folder.
func readScripts(dir fs.FS) (b book, err error) {
	if b.schemas, err = parseSchemas(schemasText); err != nil {
		return b, err
	}
	files, err := fs.Glob(dir, "[A-Z]*.txt")
	if err != nil {
		return b, err
	}
	for _, name := range files {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return b, err
		}
		s, err := parseScript(strings.TrimSuffix(name, ".txt"), string(text), b.schemas)
		if err != nil {
			return b, err
		}
		if err := b.check(s); err != nil {
			return b, err
		}
		b.scripts = append(b.scripts, s)
	}
	return b, nil
}

// check encodes every request of a script, so that a mistake in one is found before a cluster starts.
func (b book) check(s *script) error {
	for _, it := range s.items {
		if it.request == nil {
			continue
		}
		p := player{ids: anyID{}}
		for _, v := range it.request.versions {
			body, err := p.fill(it.request.body, v)
			if err == nil {
				_, err = b.find(it.request.api, true).encode(body, v, len(it.request.versions) == 1)
			}
			if err != nil {
				return fmt.Errorf("%s:%d: version %d: %w", s.name, it.number, v, err)
			}
		}
	}
	return nil
}

// anyID is a player's table of ids in which every topic has one.
type anyID struct{}

func (anyID) idOf(string) string { return noUUID }
