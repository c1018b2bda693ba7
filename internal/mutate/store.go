package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// store has the results on disk, one JSON object per line, so that an interrupted call continues where it ended.
type store struct {
	path string
	mu   sync.Mutex
	done map[string]Result // by key
}

// openStore reads the results of earlier calls. The last line may be cut off, if the machine went down; it is dropped.
func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	s := &store{path: filepath.Join(dir, "results.jsonl"), done: map[string]Result{}}
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r Result
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			s.done[r.key()] = r
		}
	}
	return s, lines.Err()
}

// key identifies a mutant of one version of the code in a campaign of one length.
func (r Result) key() string { return keyOf(r.ID, r.Digest, r.Campaign) }

func keyOf(id, digest string, campaign int) string {
	return fmt.Sprintf("%s %s %d", id, digest, campaign)
}

// find returns the result of an earlier call.
func (s *store) find(id, digest string, campaign int) (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.done[keyOf(id, digest, campaign)]
	return r, ok
}

// save appends a result.
func (s *store) save(r Result) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	s.done[r.key()] = r
	_, err = f.Write(append(data, '\n'))
	return errors.Join(err, f.Close())
}
