//go:build linux // want "build-tag: a go:build directive"

//as sim

package sim

const quick = true
