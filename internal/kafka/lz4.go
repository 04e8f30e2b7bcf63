package kafka

import (
	"encoding/binary"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// The LZ4 frame, all numbers little-endian:
//
//	4  magic
//	1  flags: version 01, blocks independent, block checksums, content size,
//	   content checksum, reserved, dictionary id
//	1  bits 4 to 6: largest block, 4 is 64 KiB and each more four times that
//	8  content size, if flagged
//	1  checksum of the header
//	   blocks: 4 size (highest bit: not compressed), data, 4 checksum if flagged
//	4  0, the end
//	4  content checksum, if flagged
const (
	lz4Magic       = 0x184D2204
	lz4Version     = 0b0100_0000
	lz4VersionMask = 0b1100_0000
	lz4Independent = 0b0010_0000
	lz4BlockSum    = 0b0001_0000
	lz4Size        = 0b0000_1000
	lz4Sum         = 0b0000_0100
	lz4Odd         = 0b0000_0011
	lz4Stored      = 1 << 31
)

// mostDecompressed is what a batch may become, as in franz-go.
const mostDecompressed = 1 << 30

// appendLZ4 appends what an LZ4 frame holds, block by block straight to where it
// stays. It does not look at the checksums: like Java's reader it relies on the CRC
// of the batch for what the content checksum says. ok is false for anything unusual
// or wrong.
func appendLZ4(dst, src []byte) (out []byte, ok bool) {
	if len(src) < 7 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return nil, false
	}
	flags, size := src[4], int(src[5]>>4&7)
	if flags&lz4VersionMask != lz4Version || flags&lz4Independent == 0 || flags&lz4Odd != 0 || size < 4 {
		return nil, false
	}
	block := 64 << 10 << (2 * (size - 4))
	src = src[6:]
	if flags&lz4Size != 0 {
		src = src[min(8, len(src)):]
	}
	src = src[min(1, len(src)):]
	for len(src) >= 4 {
		n := binary.LittleEndian.Uint32(src)
		src = src[4:]
		if n == 0 {
			if flags&lz4Sum != 0 && len(src) == 4 {
				src = src[4:]
			}
			return dst, len(src) == 0
		}
		stored, length := n&lz4Stored != 0, int(n&^lz4Stored)
		if length > len(src) || length > block {
			return nil, false
		}
		if dst, ok = appendBlock(dst, src[:length], stored, block); !ok || len(dst) > mostDecompressed {
			return nil, false
		}
		src = src[length:]
		if flags&lz4BlockSum != 0 {
			src = src[min(4, len(src)):]
		}
	}
	return nil, false
}

func appendBlock(dst, src []byte, stored bool, most int) ([]byte, bool) {
	if stored {
		return append(dst, src...), true
	}
	n, err := lz4.UncompressBlock(src, dst[len(dst):min(cap(dst), len(dst)+most)])
	if err != nil && cap(dst)-len(dst) < most { // perhaps the room was too small
		dst = slices.Grow(dst, most)
		n, err = lz4.UncompressBlock(src, dst[len(dst):len(dst)+most])
	}
	return dst[:len(dst)+n], err == nil
}
