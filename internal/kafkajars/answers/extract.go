package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// message is one file of Kafka's message specification.
type message struct {
	Key      int16  `json:"apiKey"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	Valid    string `json:"validVersions"`
	Flexible string `json:"flexibleVersions"`
	Fields   []messageField
	Common   []messageField `json:"commonStructs"`
}

type messageField struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Versions string          `json:"versions"`
	Nullable string          `json:"nullableVersions"`
	Tagged   string          `json:"taggedVersions"`
	Tag      uint64          `json:"tag"`
	Default  json.RawMessage `json:"default"`
	Fields   []messageField
}

// extract makes a schema from a file of Kafka's message specification.
func extract(file []byte) (*schema, error) {
	var m message
	if err := json.Unmarshal(uncomment(file), &m); err != nil {
		return nil, err
	}
	s := &schema{key: m.Key, request: m.Type == "request"}
	s.name = strings.TrimSuffix(strings.TrimSuffix(m.Name, "Request"), "Response")
	var err error
	if s.valid, err = parseVersions(m.Valid); err != nil {
		return nil, err
	}
	if s.flexible, err = parseVersions(m.Flexible); err != nil {
		return nil, err
	}
	s.fields, err = specsOf(m.Fields, m.Common)
	return s, err
}

func specsOf(fields, common []messageField) (all []*spec, err error) {
	for _, f := range fields {
		s := &spec{name: f.Name, typ: f.Type, tag: f.Tag}
		for _, v := range []struct {
			to   *versions
			text string
		}{{&s.versions, f.Versions}, {&s.nullable, f.Nullable}, {&s.tagged, f.Tagged}} {
			if *v.to, err = parseVersions(v.text); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		s.def = strings.Trim(string(f.Default), `"`)
		element, isList := strings.CutPrefix(f.Type, "[]")
		inner := f.Fields
		for _, c := range common {
			if c.Name == element {
				inner = c.Fields
			}
		}
		switch {
		case len(inner) > 0 && isList:
			s.typ = "[]"
		case len(inner) > 0:
			s.typ = "{}"
		}
		if s.fields, err = specsOf(inner, common); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// uncomment removes the comments, which are not JSON.
func uncomment(file []byte) []byte {
	var out []byte
	inString := false
	for i := 0; i < len(file); i++ {
		c := file[i]
		switch {
		case inString && c == '\\':
			out = append(out, c)
			i++
			c = file[i]
		case c == '"':
			inString = !inString
		case !inString && c == '/' && i+1 < len(file) && file[i+1] == '/':
			for i < len(file) && file[i] != '\n' {
				i++
			}
			c = '\n'
		}
		out = append(out, c)
	}
	return out
}
