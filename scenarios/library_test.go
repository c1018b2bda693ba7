package scenarios

import (
	"os"
	"slices"
	"testing"
)

// On its own seed, every scenario of the library prints the expected outputs and all its claims hold. On 20 derived seeds,
// all its claims hold too.
func TestLibrary(t *testing.T) {
	for _, name := range Library() {
		t.Run(name, func(t *testing.T) {
			src, _ := Source(name)
			program, err := Load(name, src)
			if err != nil {
				t.Fatal(err)
			}
			if program.File.Title == "" {
				t.Error("the file begins with no story")
			}
			for _, seed := range append([]uint64{program.Seed()}, DerivedSeeds(program.Seed(), 20)...) {
				trial := Try(program, seed, nil)
				if trial.Own && *rewrite && trial.Outputs != nil {
					if err := os.WriteFile(name+".txt", []byte(program.File.Rewrite(trial.Outputs)), 0o666); err != nil {
						t.Fatal(err)
					}
					trial.Breaches = slices.DeleteFunc(trial.Breaches, func(b Breach) bool { return b.Got != b.Want })
				}
				for _, b := range trial.Breaches {
					t.Errorf("line %d: %s\ngot\n%s\nwant\n%s\nsee it: samsa run %s --seed %d; if the output is right: go test ./scenarios -rewrite",
						b.Line, b.Text, b.Got, b.Want, name, seed)
				}
			}
		})
	}
}
