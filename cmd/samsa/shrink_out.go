package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"samsa/scenarios/shrink"
)

// This file decides where `samsa shrink` writes its result, and writes it. The scenario itself is never replaced, and any
// other file that the user named is replaced. A file with a default name is replaced only if it is an unedited result about
// the same failure, and the new result is not larger (shrink.Replaceable).

// stdout is the value of --output for stdout.
const stdout = "-"

// keptFile is a file that was not replaced.
type keptFile struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// smallName returns the n-th default name of the result for a scenario, from 1.
func smallName(name string, n int) string {
	return numbered(strings.TrimSuffix(name, ".txt")+"-small.txt", n)
}

// numbered returns the n-th name that is tried in the place of a name: x.txt, x-2.txt, and so on.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d.txt", strings.TrimSuffix(name, ".txt"), n)
}

// other returns the command that writes to another file.
func (j *shrinking) other() string {
	return "samsa shrink " + shellWord(j.name) + j.changes + " -o other.txt"
}

// mayWrite refuses, before the search, a file that must not be replaced and a folder that cannot be written to.
func (j *shrinking) mayWrite() error {
	if j.out == stdout {
		if j.json {
			return usage(j.other(), "--json prints its object on stdout, so --output must name a file")
		}
		return nil
	}
	if sameFile(j.name, j.out) {
		return usage(j.other(), "%s is the scenario itself, which samsa shrink never replaces", j.out)
	}
	switch info, err := os.Stat(j.out); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return usage(j.other(), "cannot write the result: %v", err)
	case info.IsDir() && j.named:
		return usage(j.other(), "cannot write the result: %s is a folder", j.out)
	case !info.Mode().IsRegular() && j.named:
		return nil // a device or a pipe, which has nothing to lose
	}
	probe, err := os.CreateTemp(filepath.Dir(j.out), ".samsa-shrink-*")
	if err != nil {
		return usage(j.other(), "cannot write the result: %v", err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// sameFile reports whether two paths are one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// write writes the result to the file that --output names, to stdout, or to the first default name that is free or has a
// file that may be replaced. The report then says where it is, and which files are kept.
func (j *shrinking) write(s *shrunk) error {
	r := &s.report
	if j.out == stdout {
		r.Small, s.about.Again = stdout, "samsa run FILE, where FILE is the name that you give this file"
		_, err := j.app.out.Write(s.small.File(s.about))
		return err
	}
	for n := 1; ; n++ {
		path := numbered(j.out, n)
		r.Small, r.Again = path, "samsa run "+shellWord(path)+modeFlag(j.mode)
		s.about.Again = r.Again
		file := s.small.File(s.about)
		if !j.named {
			before, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				return j.put(path, file)
			}
			why, ok := "it cannot be read", false
			if err == nil {
				why, ok = shrink.Replaceable(before, file)
			}
			if !ok {
				r.Kept = append(r.Kept, keptFile{path, why})
				continue
			}
		}
		return j.put(path, file)
	}
}

// put writes a file in one step, so that no interruption leaves half a file.
func (j *shrinking) put(path string, file []byte) error {
	fail := func(err error) error { return usage(j.other(), "cannot write the result: %v", err) }
	out, err := filepath.EvalSymlinks(path) // so that a link stays a link
	if err != nil {
		out = path
	}
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		// A device or a pipe must not be replaced by a file.
		if err := os.WriteFile(out, file, 0o644); err != nil {
			return fail(err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".samsa-shrink-*")
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(file)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		os.Remove(f.Name())
		return fail(err)
	}
	return nil
}
