package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"runtime"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// corpus is 200 inputs of 0 to 128 KiB: noise, text, runs, and noise that repeats itself.
func corpus() (inputs [][]byte) {
	x := uint64(88172645463325252)
	draw := func(n int) int {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return int(x % uint64(n))
	}
	for i := range 200 {
		n := draw(1 << (1 + draw(17)))
		b := make([]byte, 0, n+64)
		for len(b) < n {
			switch i % 4 {
			case 0:
				b = append(b, byte(draw(256)))
			case 1:
				b = fmt.Appendf(b, "key-%d value-%d ", draw(100), draw(1000))
			case 2:
				b = append(b, bytes.Repeat([]byte{byte(draw(4))}, draw(50))...)
			case 3:
				if len(b) > 100 && draw(3) == 0 {
					from := draw(len(b) - 50)
					b = append(b, b[from:from+draw(40)]...)
				} else {
					b = append(b, byte(draw(64)))
				}
			}
		}
		inputs = append(inputs, b[:n])
	}
	return inputs
}

// TestCodecsGiveTheSameBytesEverywhere pins each codec's output for the corpus. The hashes were the same on amd64 with
// and without assembly (-tags noasm,purego) and on 386. A new version of a library may change one of them; then every
// recorded trace with compressed batches changes too.
func TestCodecsGiveTheSameBytesEverywhere(t *testing.T) {
	want := [...]string{
		CodecGzip:   "577943 6656949ab8c7568d",
		CodecSnappy: "656429 0c7f7ed0a39521b6",
		CodecLz4:    "654755 75450df684e00815",
		CodecZstd:   "561209 c8a7892ba02db4c0",
	}
	inputs := corpus()
	for c := CodecGzip; c <= CodecZstd; c++ {
		h, size := fnv.New64a(), 0
		for _, in := range inputs {
			out, err := c.compressTail(append([]byte("head"), in...), 4)
			require.NoError(t, err)
			require.Equal(t, "head", string(out[:4]))
			h.Write(out)
			size += len(out)

			back, err := c.decompress(out[4:])
			require.NoError(t, err)
			require.True(t, bytes.Equal(in, back), "%v: %d bytes came back as %d", c, len(in), len(back))
		}
		assert.Equal(t, want[c], fmt.Sprintf("%d %016x", size, h.Sum64()), c.String())
	}
}

// TestOtherLibrariesReadOurs decodes the output of our own encoders with the decoders of other libraries.
func TestOtherLibrariesReadOurs(t *testing.T) {
	for _, in := range corpus() {
		var raw []byte
		for rest := appendSnappy(nil, in)[xerialHeader:]; len(rest) > 0; {
			n := binary.BigEndian.Uint32(rest)
			block, err := snappy.Decode(nil, rest[4:4+n])
			require.NoError(t, err)
			raw = append(raw, block...)
			rest = rest[4+n:]
		}
		require.True(t, bytes.Equal(in, raw))

		var out bytes.Buffer
		_, err := out.ReadFrom(lz4.NewReader(bytes.NewReader(appendLz4(nil, in))))
		require.NoError(t, err)
		require.True(t, bytes.Equal(in, out.Bytes()))
	}
}

// TestStreamsOfOtherWritersRead reads forms that Kafka reads but this package never writes.
func TestStreamsOfOtherWritersRead(t *testing.T) {
	in := bytes.Repeat([]byte("what another client wrote, "), 5000)
	read := func(c Codec, stream []byte) {
		t.Helper()
		got, err := c.decompress(stream)
		require.NoError(t, err)
		require.True(t, bytes.Equal(in, got))
	}
	read(CodecSnappy, snappy.Encode(nil, in)) // one bare block

	for _, options := range [][]lz4.Option{
		{lz4.ChecksumOption(true), lz4.BlockChecksumOption(true), lz4.SizeOption(uint64(len(in)))},
		{lz4.BlockSizeOption(lz4.Block4Mb), lz4.ChecksumOption(false)},
	} {
		var b bytes.Buffer
		w := lz4.NewWriter(&b)
		require.NoError(t, w.Apply(options...))
		_, err := w.Write(in)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		read(CodecLz4, b.Bytes())
	}

	var members bytes.Buffer
	for _, half := range [][]byte{in[:1000], in[1000:]} {
		w := gzip.NewWriter(&members)
		_, err := w.Write(half)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	read(CodecGzip, members.Bytes())

	var frames bytes.Buffer
	for _, half := range [][]byte{in[:1000], in[1000:]} {
		w, err := zstd.NewWriter(&frames, zstd.WithEncoderCRC(true), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
		require.NoError(t, err)
		_, err = w.Write(half)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	read(CodecZstd, frames.Bytes())
}

// TestClaimedSizesCostNothing checks that a few bytes that claim a large size are refused before memory is allocated
// for it.
func TestClaimedSizesCostNothing(t *testing.T) {
	for name, test := range map[string]struct {
		codec  Codec
		stream []byte
	}{
		"zstd frame of 64 MiB":         {CodecZstd, []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 4, 1, 0, 0}},
		"zstd window of 128 MiB":       {CodecZstd, []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 1, 0, 0, 9}},
		"zstd second frame of 64 MiB":  {CodecZstd, append(appendZstd(nil, []byte("x")), 0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 4, 1, 0, 0)},
		"snappy block of 2 GiB":        {CodecSnappy, []byte{0xff, 0xff, 0xff, 0xff, 0x07, 0, 'a'}},
		"snappy block of 64 MiB":       {CodecSnappy, []byte{0x80, 0x80, 0x80, 0x20, 0, 'a'}},
		"snappy chunk of 4 GiB":        {CodecSnappy, append([]byte(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1)},
		"lz4 block of 2 GiB":           {CodecLz4, []byte{4, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0xff, 0xff, 0xff, 0x7f, 1}},
		"lz4 block that is not there":  {CodecLz4, []byte{4, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0, 0, 0x10, 0, 1}},
		"gzip that ends in its header": {CodecGzip, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}},
		"no such codec":                {5, []byte("anything")},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := test.codec.decompress(test.stream)
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(256<<10), name)
	}
}

// TestBombsStopAtTheLimit reads streams that really hold more than MaxRecordsSize.
func TestBombsStopAtTheLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("decompresses 100 MiB")
	}
	zeros := make([]byte, MaxRecordsSize+1)
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, err := w.Write(zeros)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = CodecGzip.decompress(b.Bytes())
	require.ErrorContains(t, err, errTooLarge.Error())

	_, err = CodecZstd.decompress(appendZstd(nil, zeros))
	require.ErrorContains(t, err, errTooLarge.Error())
	_, err = CodecLz4.decompress(appendLz4(nil, zeros))
	require.ErrorContains(t, err, errTooLarge.Error())
	_, err = CodecSnappy.decompress(appendSnappy(nil, zeros))
	require.ErrorContains(t, err, errTooLarge.Error())

	_, err = CodecGzip.compressTail(zeros, 0)
	require.Error(t, err, "what could not be read back is not written")
}

func TestXXH32(t *testing.T) {
	// These are the values of the reference implementation with seed 0.
	for in, want := range map[string]uint32{
		"":    0x02cc5d05,
		"a":   0x550d7456,
		"abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		require.Equal(t, want, xxh32([]byte(in)), "%q", in)
	}
}
