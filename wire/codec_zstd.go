package wire

import "github.com/klauspost/compress/zstd"

// appendZstd compresses into one frame without a checksum, as zstd-jni does: the batch has its CRC. It makes a new
// encoder each time, so that no batch's bytes can depend on another's; allocating its tables is the cost of a call.
func appendZstd(dst, raw []byte) []byte {
	// A window beyond the input would waste memory, and one beyond 1 MiB is more than a batch by Kafka's defaults.
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

// zstdMaxWindow is the window that zstd-jni accepts, log 27. It is not allocated: the output serves as the window.
const zstdMaxWindow = 1 << 27

// readZstd decompresses one or more frames. The decoder's scratch memory is small; its output grows with the decoded
// bytes, unless a frame claims a size, which checkZstd has found possible.
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

// The kinds of blocks (RFC 8878, 3.1.1.2), and what one holds at most. Kind 0 is stored as it is.
const (
	zstdBlockRLE        = 1 // one byte, repeated
	zstdBlockCompressed = 2
	zstdBlockReserved   = 3
	zstdMaxBlock        = 128 << 10
)

// checkZstd reads the headers of frames and blocks, and refuses a frame that claims more than its blocks can contain.
// The decoder allocates a claimed size at once, so a few bytes could otherwise cost a hundred megabytes.
func checkZstd(src []byte) error {
	// Several frames in a row are one stream, and skippable frames may have any bytes.
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
		// A frame without a content size needs no check: then the decoder's output grows block by block.
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

// zstdBlocks reads a frame's blocks at the start of src. They contain most bytes at most. A block's header has three
// bytes: a bit for the last one, two bits of kind, and the size.
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
