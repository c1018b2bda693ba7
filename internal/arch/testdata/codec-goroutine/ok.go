//as wire

package wire

import "github.com/klauspost/compress/zstd"

func codec() (*zstd.Decoder, *zstd.Encoder) {
	r, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	return r, w
}
