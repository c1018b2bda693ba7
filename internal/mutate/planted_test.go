package main

import (
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var moduleSource = sync.OnceValues(func() (*Source, error) { return loadSource("../..") })

// A planted mistake must not rot: each file still finds its lines and leaves code that compiles. A mistake that the code has
// today finds its lines too; when they are gone, write down the mistake itself.
func TestPlantedMistakesApplyAndCompile(t *testing.T) {
	s, err := moduleSource()
	require.NoError(t, err)
	planted, err := s.plantedMistakes(plantedFiles)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(planted), 13)
	for _, p := range planted {
		require.NoError(t, s.compiles(s.apply(p.edits)), p.ID)
	}
}

// Every package that the tool changes has mutants, and most of them compile.
func TestMutantsOfTheModule(t *testing.T) {
	s, err := moduleSource()
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, name := range samsa.mutable {
		all := s.mutants(s.find(name))
		require.Greater(t, len(all), 100, name)
		tried, good := 0, 0
		for i := 0; i < len(all); i += 40 {
			tried++
			if s.compiles(s.apply(all[i].edits)) == nil {
				good++
			}
		}
		require.Greater(t, good*10, tried*8, "%s: %d of %d compile", name, good, tried)
		for _, m := range all {
			require.False(t, ids[m.ID], "%s twice", m.ID)
			ids[m.ID] = true
		}
	}
}

// A file that does not apply says why.
func TestPlantedMistakesThatDoNotApply(t *testing.T) {
	s := loadToy(t)
	for _, c := range []struct{ text, want string }{
		{"words\n\nin log/log.go Log.Append\n- if l.Size > l.Limit {\n+ if false {\n", `Log.Append does not have the line "if l.Size > l.Limit {"`},
		{"words\n\nin log/log.go Log.Fill\n- l.Refused++\n+ l.Refused--\n", `Log.Fill does not have the line "l.Refused++"`},
		{"words\n\nin log/log.go Log.Gone\n- x\n+ y\n", "log/log.go has no function Log.Gone"},
		{"words\n\nin gone/log.go Log.Gone\n- x\n+ y\n", "no package gone"},
		{"words\n\nin log/log.go Log.Compact\n- l.Size = 0\n  return false\n", `Log.Compact does not have the line "l.Size = 0"`},
		{"words\n\nin log/log.go Log.Compact\n- }\n+ };\n", `has the line "}" twice`},
		{"words\n\nin log/log.go Log.Append\nl.Refused++\n", `line 4: "l.Refused++" begins neither with`},
		{"words\n\nin log/log.go Log.Append\n+ l.Refused++\n", "has no old line"},
		{"words\n\nin log/log.go Log.Append\n  l.Refused++\n", "it changes something, or it has a line today"},
		{"words\ntoday: so it is\n\nin log/log.go Log.Append\n- l.Refused++\n", "not both"},
		{"in log/log.go Log.Append\n- l.Refused++\n", "needs a description"},
		{"words\n", "needs a description"},
	} {
		_, err := s.plant("x", c.text)
		require.ErrorContains(t, err, c.want, c.text)
	}
	_, err := s.plantedMistakes(fstest.MapFS{
		"testdata/planted/a.txt": {Data: []byte("words\n")}, "testdata/planted/b.txt": {Data: []byte("words\n\nin log/log.go Log.Gone\n- x\n")},
	})
	require.ErrorContains(t, err, "a.txt: it needs a description")
	require.ErrorContains(t, err, "b.txt: log/log.go has no function Log.Gone")
}

// The lines of a mistake may move and be indented in another way.
func TestAPlantedMistakeIsFoundByItsLines(t *testing.T) {
	s := loadToy(t)
	p, err := s.plant("x", "Two words\nof description.\n\nin log/log.go Log.Append\n- l.Refused++\n  return errFull\n\nin log/log.go Log.Fill\n- n++\n+ n += 2\n+ n--\n")
	require.NoError(t, err)
	require.Equal(t, "Two words of description.", p.Doc)
	require.Equal(t, 14, p.Line)
	text := string(s.apply(p.edits)["log/log.go"])
	require.Contains(t, text, "l.Limit {\nreturn errFull\n\t}")
	require.Contains(t, text, "\t\t}\nn += 2\nn--\n\t}")
	require.NotContains(t, text, "l.Refused++")
	require.NoError(t, s.compiles(s.apply(p.edits)))
}
