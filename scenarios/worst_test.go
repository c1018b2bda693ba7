package scenarios

import (
	"strings"
	"testing"
)

// BenchmarkLoadWorst loads the largest allowed file, with the most expensive lines.
func BenchmarkLoadWorst(b *testing.B) {
	for _, line := range []string{"heal\n", "disk b1 heal\n", "run until quiet\n", "produce p1 o-0 a1..a9\n", "cut b1,b2,b3 <-> b1,b2,b3\n"} {
		b.Run(strings.Fields(line)[0], func(b *testing.B) {
			head := "cluster brokers=60\ntopic o\n"
			src := []byte(head + strings.Repeat(line, (maxFileBytes-len(head))/len(line)))
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := Load("worst", src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
