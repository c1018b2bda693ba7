package storage

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/sim/env"
)

// After a crash or a power loss at any operation the file has all of the old or all of the new content. After the last
// operation it has the new content.
func TestReplaceFile(t *testing.T) {
	for _, r := range []Replacement{{Path: "a/f", Content: []byte("new content")}, {Path: "a/f", Content: []byte("new content"), Truncate: true}} {
		for dies := 1; ; dies++ {
			d := newMemDisk()
			require.NoError(t, d.Mkdir("a"))
			require.NoError(t, d.SyncDir(""))
			require.NoError(t, replaceFile(d, "a/f", []byte("old")))
			require.NoError(t, writeFile(d, "a/f"+tmpSuffix, []byte("a leftover of an earlier crash"), true))
			d.dieAfter = d.ops + dies
			err := ReplaceFile(d, r)
			done := d.dieAfter > d.ops
			for name, left := range map[string]*memDisk{"crash": d.crash(), "lost": d.powerLoss(fateLost, nil), "kept": d.powerLoss(fateKept, nil)} {
				got, err := readFile(left, "a/f")
				require.NoError(t, err, "%s after %d operations", name, dies)
				if done || string(got) != "old" {
					require.Equal(t, "new content", string(got), "%s after %d operations", name, dies)
				}
			}
			if done {
				require.NoError(t, err)
				require.Greater(t, dies, 4, "truncate, append, sync, rename, sync of the directory")
				break
			}
		}
	}
}

// With the option that omits the sync of the directory, a power loss may bring back the old content.
func TestReplaceFileMayLoseTheName(t *testing.T) {
	d := newMemDisk()
	require.NoError(t, d.Mkdir("a"))
	require.NoError(t, d.SyncDir(""))
	require.NoError(t, replaceFile(d, "a/f", []byte("old")))
	require.NoError(t, ReplaceFile(d, Replacement{Path: "a/f", Content: []byte("new"), LoseName: true}))
	got, err := readFile(d.powerLoss(fateLost, nil), "a/f")
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
}

// An error of the disk contains the path of the file, and nothing is renamed.
func TestReplaceFileFails(t *testing.T) {
	d := newMemDisk()
	require.NoError(t, replaceFile(d, "f", []byte("old")))
	d.failAt = d.ops + 2 // the append
	err := replaceFile(d, "f", []byte("new"))
	require.ErrorIs(t, err, env.ErrIO)
	var on *fileError
	require.True(t, errors.As(err, &on))
	require.Equal(t, "f"+tmpSuffix, on.path)
	got, err := readFile(d, "f")
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
}
