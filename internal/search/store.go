package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// entry is the result of one run, and one line of a store's file.
type entry struct {
	Seed      uint64   `json:"seed"`
	Rule      string   `json:"rule,omitempty"`      // empty for the run without old rules
	Otherwise []string `json:"otherwise,omitempty"` // rules that would have decided otherwise, for a run without old rules
	Failed    []string `json:"failed,omitempty"`    // the checks that failed
}

// tried names a run with an old rule.
type tried struct {
	rule string
	seed uint64
}

// store has the results of earlier calls of the same program.
type store struct {
	path  string
	clean map[uint64]entry
	with  map[tried]entry
}

// openStore reads the results of earlier calls. Another version of the program draws other plans and has other checks, so
// the name of the file has the program's hash. If the machine went down, the last line may be cut off; such a line is
// dropped.
func openStore(dir, program string) (*store, error) {
	name, err := hashOf(program)
	if err != nil {
		return nil, err
	}
	s := &store{path: filepath.Join(dir, name+".jsonl"), clean: map[uint64]entry{}, with: map[tried]entry{}}
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			s.note(e)
		}
	}
	return s, nil
}

// note takes a result.
func (s *store) note(e entry) {
	if e.Rule == "" {
		s.clean[e.Seed] = e
		return
	}
	s.with[tried{e.Rule, e.Seed}] = e
}

// add takes a result and appends it to the file.
func (s *store) add(e entry) error {
	s.note(e)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// hashOf returns the hash of a file, as a short name.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
