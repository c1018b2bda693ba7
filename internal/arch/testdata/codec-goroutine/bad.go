//as wire

package wire

import "github.com/klauspost/compress/zstd"

func codec() (*zstd.Decoder, *zstd.Encoder) {
	r, _ := zstd.NewReader(nil)                                 // want "codec-goroutine: zstd.NewReader without WithDecoderConcurrency"
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(4)) // want "codec-goroutine: zstd.NewWriter without WithEncoderConcurrency"
	return r, w
}
