package disk

import (
	"fmt"
	"testing"
)

// Appends of one record batch, the daily work of a log. A new file every 16 MiB, as segments roll.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := New(CloudVolume())
			p := make([]byte, size)
			f, _ := d.Open("f", true)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := range b.N {
				if i%(16<<20/size) == 0 {
					d.Close(f)
					d.Remove("f")
					f, _ = d.Open("f", true)
				}
				if err := d.Append(f, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An append and a sync: a quorum's log.
func BenchmarkAppendSync(b *testing.B) {
	d := New(CloudVolume())
	p := make([]byte, 1<<10)
	f, _ := d.Open("f", true)
	b.ReportAllocs()
	for i := range b.N {
		if i%(16<<10) == 0 {
			d.Close(f)
			d.Remove("f")
			f, _ = d.Open("f", true)
		}
		d.Append(f, p)
		if err := d.Sync(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAt(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := New(CloudVolume())
			f, _ := d.Open("f", true)
			d.Append(f, make([]byte, 16<<20))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := range b.N {
				if _, err := d.ReadAt(f, int64(i*size)%(15<<20), size); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A power loss of a broker with many files, a few of them dirty.
func BenchmarkPowerLost(b *testing.B) {
	d := New(CloudVolume())
	for i := range 1000 {
		f, _ := d.Open(fmt.Sprint(i), true)
		d.Append(f, make([]byte, 4<<10))
		d.Sync(f)
	}
	d.SyncDir("")
	b.ReportAllocs()
	for range b.N {
		f, _ := d.Open("7", true)
		d.Append(f, []byte("x"))
		d.LosePower()
	}
}
