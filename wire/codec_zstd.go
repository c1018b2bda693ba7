package wire

import "github.com/klauspost/compress/zstd"

// appendZstd compresses raw into one frame. Like zstd-jni, it writes no checksum, because the batch has its CRC. It
// creates a new encoder each time, so that no batch's bytes can depend on another batch. The cost is that each call
// allocates the encoder's tables.
func appendZstd(dst, raw []byte) []byte {
	// A window larger than the input would waste memory. With Kafka's defaults a batch has at most 1 MiB, so the window
	// has at most 1 MiB too.
	window := zstd.MinWindowSize
	for window < len(raw) && window < 1<<20 {
		window <<= 1
	}
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window),
		// Without zero frames, empty input would compress to no bytes, which is not a zstd stream.
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		panic("zstd options are wrong: " + err.Error())
	}
	return e.EncodeAll(raw, dst)
}

// zstdMaxWindow is the largest window that zstd-jni accepts: 2^27 bytes. The decoder does not allocate a window,
// because the output serves as the window.
const zstdMaxWindow = 1 << 27

// readZstd decompresses one or more frames. The decoder's scratch memory is small. Its output grows with the decoded
// bytes, or is allocated at the size that a frame claims, after checkZstd has found that size possible.
func readZstd(src []byte) ([]byte, error) {
	if err := checkZstd(src); err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(zstdMaxWindow), zstd.WithDecoderMaxWindow(zstdMaxWindow))
	if err != nil {
		panic("zstd options are wrong: " + err.Error())
	}
	defer d.Close()
	raw, err := d.DecodeAll(src, nil)
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxRecordsSize {
		return nil, errTooLarge
	}
	return raw, nil
}

// These are the kinds of blocks (RFC 8878, 3.1.1.2) and the maximum content of a block. Kind 0 is an uncompressed
// block.
const (
	zstdBlockRLE        = 1 // one byte, repeated
	zstdBlockCompressed = 2
	zstdBlockReserved   = 3
	zstdMaxBlock        = 128 << 10
)

// checkZstd reads the headers of frames and blocks. It refuses a frame that claims more content than its blocks can
// have. The decoder allocates the claimed size at once, so without this check a frame of a few bytes could make it
// allocate a hundred megabytes.
func checkZstd(src []byte) error {
	// Several frames in a row form one stream, and skippable frames may contain any bytes.
	for len(src) > 0 {
		var h zstd.Header
		if err := h.Decode(src); err != nil {
			return err
		}
		size := uint64(h.HeaderSize)
		if h.Skippable {
			size += uint64(h.SkippableSize)
		}
		if size > uint64(len(src)) {
			return errTruncated
		}
		src = src[size:]
		if h.Skippable {
			continue
		}
		// A frame without a content size needs no check, because the decoder's output then grows block by block.
		most, rest, err := zstdBlocks(src)
		if err != nil {
			return err
		}
		if h.HasFCS && h.FrameContentSize > min(most, MaxRecordsSize) {
			return errTooLarge
		}
		if h.HasCheckSum {
			if len(rest) < 4 {
				return errTruncated
			}
			rest = rest[4:]
		}
		src = rest
	}
	return nil
}

// zstdBlocks reads a frame's blocks at the start of src. The result most is an upper bound on the size of their
// content. A block's header has three bytes: one bit that marks the last block, two bits of kind, and the size.
func zstdBlocks(src []byte) (most uint64, rest []byte, err error) {
	for {
		if len(src) < 3 {
			return 0, nil, errTruncated
		}
		word := uint32(src[0]) | uint32(src[1])<<8 | uint32(src[2])<<16
		last, kind, size := word&1 != 0, word>>1&3, word>>3
		stored := size
		switch kind {
		case zstdBlockRLE:
			stored = 1
			most += uint64(size)
		case zstdBlockCompressed:
			most += zstdMaxBlock
		case zstdBlockReserved:
			return 0, nil, errFormat
		default:
			most += uint64(size)
		}
		src = src[3:]
		if uint64(stored) > uint64(len(src)) {
			return 0, nil, errTruncated
		}
		src = src[stored:]
		if last {
			return most, src, nil
		}
	}
}
