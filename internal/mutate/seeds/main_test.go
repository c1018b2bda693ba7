package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSeeds(t *testing.T) {
	seeds, err := parseSeeds("1-3,7,9-9")
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2, 3, 7, 9}, seeds)
	for _, bad := range []string{"", "3-1", "x", "1-", "-1", "1,,2", "0-18446744073709551615"} {
		_, err := parseSeeds(bad)
		require.ErrorContains(t, err, "1-3,7", "%q", bad)
	}
}

// Tests have counters only if they run with -cover -covermode=atomic. Without them, a run with -cover must not go on and
// report that nothing is ever executed.
func TestARunWithoutCountersIsAnError(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cover")
	err := run([]uint64{1}, dir, io.Discard)
	if testing.CoverMode() == "atomic" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, "-cover")
}

// The lines of a list of seeds are those of exploration, one per seed in the given order.
func TestRunPrintsALinePerSeed(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run([]uint64{3, 2}, "", &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	require.Regexp(t, `^\{"seed":3,"hash":"[0-9a-f]{16}","failures":null\}$`, lines[0])
	require.Regexp(t, `^\{"seed":2,"hash":"[0-9a-f]{16}","failures":null\}$`, lines[1])
}
