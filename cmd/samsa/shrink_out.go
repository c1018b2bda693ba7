package main

import (
	"bytes"
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

// runNamed is the command that repeats a result which is in no file yet.
const runNamed = "samsa run FILE, where FILE is the name that you give this file"

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
	probe, err := os.CreateTemp(filepath.Dir(j.out), ".samsa-*")
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
		r.Small, s.about.Again = stdout, runNamed
		_, err := j.app.out.Write(s.small.File(s.about))
		return err
	}
	text := func(path string) []byte {
		r.Small, r.Again = path, "samsa run "+shellWord(path)+modeFlag(j.mode)
		s.about.Again = r.Again
		return s.small.File(s.about)
	}
	if info, err := os.Stat(j.out); j.named && err == nil && !info.Mode().IsRegular() { // a device or a pipe
		r.Small, s.about.Again = j.out, runNamed
		return j.failed(put(j.out, s.small.File(s.about)))
	}
	if j.named {
		return j.failed(put(j.out, text(j.out)))
	}
	var err error
	_, r.Kept, err = place(j.out, text)
	return j.failed(err)
}

// failed returns the error for a result that cannot be written.
func (j *shrinking) failed(err error) error {
	if err == nil {
		return nil
	}
	return usage(j.other(), "cannot write the result: %v", err)
}

// place writes a file to the first of its names (x.txt, x-2.txt, ...) that is free, has the same text, or has a file that may
// be replaced. It returns the name, and the files that are kept. The function text returns the text for a name.
func place(first string, text func(path string) []byte) (path string, kept []keptFile, err error) {
	kept = []keptFile{}
	for n := 1; ; n++ {
		path := numbered(first, n)
		file := text(path)
		before, err := os.ReadFile(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return path, kept, put(path, file)
		case err != nil:
			if _, err := os.Lstat(path); err != nil { // so no name in this folder is readable
				return path, kept, err
			}
			kept = append(kept, keptFile{path, "it cannot be read"})
			continue
		case bytes.Equal(before, file):
			return path, kept, nil
		}
		why, ok := shrink.Replaceable(before, file)
		if ok {
			return path, kept, put(path, file)
		}
		kept = append(kept, keptFile{path, why})
	}
}

// put writes a file in one step, so that no interruption leaves half a file.
func put(path string, file []byte) error {
	out, err := filepath.EvalSymlinks(path) // so that a link stays a link
	if err != nil {
		out = path
	}
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		// A device or a pipe must not be replaced by a file.
		return os.WriteFile(out, file, 0o644)
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".samsa-*")
	if err != nil {
		return err
	}
	_, err = f.Write(file)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
