package explore

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every draw is in its range, is the same when it is repeated, and depends on site and ordinal.
func TestDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draws{rapid.Uint64().Draw(t, "seed")}
		n := rapid.IntRange(-3, 50).Draw(t, "n")
		ord := rapid.Int32Range(0, 1000).Draw(t, "ordinal")
		v := d.intn("test", ord, n)
		if v < 0 || v >= max(n, 1) || v != d.intn("test", ord, n) {
			t.Fatalf("intn(%d) drew %d", n, v)
		}
		least, more := rapid.IntRange(-20, 20).Draw(t, "least"), rapid.IntRange(0, 20).Draw(t, "more")
		if b := d.between("test", ord, least, least+more); b < least || b > least+more {
			t.Fatalf("between(%d, %d) drew %d", least, least+more, b)
		}
		if d.chance("test", ord, 0) || !d.chance("test", ord, 1000) {
			t.Fatal("0 of a thousand came true, or 1000 of a thousand did not")
		}
		weights := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 6).Draw(t, "weights")
		at := d.weighted("test", ord, weights)
		if some := slices.Max(append(weights, 0)) > 0; some != (at >= 0) || some && weights[at] == 0 {
			t.Fatalf("weighted(%v) drew %d", weights, at)
		}
	})
	moved := 0
	d := draws{1}
	for i := range int32(100) {
		if d.intn("one", i, 1000) != d.intn("other", i, 1000) && d.intn("one", i, 1000) != d.intn("one", i+1, 1000) {
			moved++
		}
	}
	if moved < 95 {
		t.Errorf("%d draws of 100 moved with their site and ordinal", moved)
	}
}

// weighted draws an index as often as its weight requires.
func TestWeightedDraws(t *testing.T) {
	d, count := draws{7}, [3]int{}
	for i := range int32(4000) {
		count[d.weighted("test", i, []int{1, 0, 3})]++
	}
	if count[1] != 0 || count[0] < 850 || count[0] > 1150 {
		t.Errorf("weights 1, 0 and 3 were drawn %v times", count)
	}
}
