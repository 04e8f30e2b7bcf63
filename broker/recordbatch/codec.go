package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is the compression of a batch, as in attribute bits 0-2.
type Codec int8

// The codecs of Kafka.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	LZ4    Codec = 3
	Zstd   Codec = 4
)

// String returns the name used in compression.type.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", int8(c))
}

// DefaultMaxDecompressed bounds the record section of one batch after decompression, in bytes.
const DefaultMaxDecompressed = 1 << 30

// errTooLong says that a compressed section grew over its bound.
var errTooLong = errors.New("decompressed records exceed the limit")

// Compress appends the compressed form of src to dst. level counts only for gzip (1-9), lz4 (1-17, Kafka's
// scale) and zstd (1-22); 0 is the codec's default.
func Compress(dst, src []byte, c Codec, level int) ([]byte, error) {
	switch c {
	case None:
		return append(dst, src...), nil
	case Snappy:
		return appendXerial(dst, src), nil
	case Zstd:
		return compressZstd(dst, src, level)
	case Gzip:
		if level == 0 {
			level = gzip.DefaultCompression
		}
		buf := bytes.NewBuffer(dst)
		w, err := gzip.NewWriterLevel(buf, level)
		if err != nil {
			return nil, err
		}
		return finish(buf, w, src)
	case LZ4:
		buf := bytes.NewBuffer(dst)
		w := lz4.NewWriter(buf)
		// What Kafka's own writer does: 64 KiB independent blocks, no content checksum.
		opts := []lz4.Option{lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1)}
		if level > 2 {
			opts = append(opts, lz4.CompressionLevelOption(lz4Level(level)))
		}
		if err := w.Apply(opts...); err != nil {
			return nil, err
		}
		return finish(buf, w, src)
	}
	return nil, fmt.Errorf("unknown compression %s", c)
}

// lz4Level maps lz4's scale of 1-17, where 9 is the default of Kafka, to the nine levels of the library.
func lz4Level(level int) lz4.CompressionLevel {
	levels := [...]lz4.CompressionLevel{lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6,
		lz4.Level7, lz4.Level8, lz4.Level9}
	return levels[min(level, len(levels))-1]
}

func finish(buf *bytes.Buffer, w io.WriteCloser, src []byte) ([]byte, error) {
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// zstdDecoders holds *zstd.Decoder without a stream of their own. GC bounds it.
var zstdDecoders sync.Pool

// Decompress appends the decompressed form of src to dst, which may grow by at most limit bytes.
func Decompress(dst, src []byte, c Codec, limit int) ([]byte, error) {
	switch c {
	case None:
		if len(src) > limit {
			return nil, errTooLong
		}
		return append(dst, src...), nil
	case Snappy:
		return decompressSnappy(dst, src, limit)
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return nil, err
		}
		return readAll(dst, r, limit)
	case LZ4:
		return readAll(dst, lz4.NewReader(bytes.NewReader(src)), limit)
	case Zstd:
		return decompressZstd(dst, src, limit)
	}
	return nil, fmt.Errorf("unknown compression %s", c)
}

func compressZstd(dst, src []byte, level int) ([]byte, error) {
	if level == 0 {
		level = 3
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(src, dst), w.Close()
}

// decompressZstd streams, because frames of Kafka's writer carry no content size and a bomb must stop at limit.
func decompressZstd(dst, src []byte, limit int) ([]byte, error) {
	r, ok := zstdDecoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		r, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
	}
	defer zstdDecoders.Put(r)
	if err := r.Reset(bytes.NewReader(src)); err != nil {
		return nil, err
	}
	return readAll(dst, r, limit)
}

// readAll appends what r gives to dst, at most limit bytes.
func readAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			return nil, errTooLong
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// The framing of snappy-java ("xerial"), which Kafka uses:
//
//	82 53 4e 41 50 50 59 00 | version int32 1 | compatible version int32 1 | chunks: length int32, snappy block
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const (
	xerialHeader = 16
	xerialBlock  = 32 << 10
)

func appendXerial(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 1)
	block := make([]byte, 0, snappy.MaxEncodedLen(xerialBlock))
	for len(src) > 0 {
		n := min(len(src), xerialBlock)
		enc := snappy.Encode(block[:cap(block)], src[:n])
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(enc)))
		dst = append(dst, enc...)
		src = src[n:]
	}
	return dst
}

// decompressSnappy reads xerial framing, or one plain snappy block as some clients send.
func decompressSnappy(dst, src []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) {
		return appendSnappy(dst, src, limit)
	}
	if len(src) < xerialHeader {
		return nil, io.ErrUnexpectedEOF
	}
	start := len(dst)
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if dst, err = appendSnappy(dst, src[:n], limit-(len(dst)-start)); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return dst, nil
}

func appendSnappy(dst, src []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errTooLong
	}
	// A block cannot expand more than about 21 times: refuse a length that would only waste memory.
	if n > 64*len(src)+64 {
		return nil, snappy.ErrCorrupt
	}
	old := len(dst)
	dst = append(dst, make([]byte, n)...)
	out, err := snappy.Decode(dst[old:old+n], src)
	if err != nil {
		return nil, err
	}
	return dst[:old+len(out)], nil
}
