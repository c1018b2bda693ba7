// Package scenarios is the one vocabulary for what happens to a cluster: a file of verbs, and the session that runs it.
//
//	file ──parse──▶ tree ──bind──▶ program ──session──▶ cluster in a world
//	       words,          verbs,            lines and events,
//	       places          meaning           one at a time          ──▶ story, outputs, verdict
//
// The same verbs serve scenario files, the prompt of the terminal UI, lessons, what exploration writes and live control.
// A scenario file is the only artefact that replays: a seed and its lines decide everything.
//
// Read scenarios/cluster/api.go first: what a verb may ask of a cluster. Then verb.go, any of the verbs_*.go, and session.go.
// parse.go and bind.go are the two passes over a file; form.go is the grammar that usages are written in. What a cluster is made of
// is the business of package cluster, and what judges see of it that of package observe.
//
// It is not a programming language: no variables, no loops, no conditions. What must hold is said by expect, and
// judged by package check.
package scenarios
