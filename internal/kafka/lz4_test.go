package kafka

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

func frame(t testing.TB, data []byte, opts ...lz4.Option) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := lz4.NewWriter(&buf)
	if err := w.Apply(opts...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // never fails
	return b
}

func TestLZ4(t *testing.T) {
	text := []byte(strings.Repeat(`{"schema":{"type":"struct"},"payload":1}`, 10_000))
	for _, c := range []struct {
		name string
		data []byte
		opts []lz4.Option
		fast bool
	}{
		{"empty", nil, nil, true},
		{"one block", text[:1000], nil, true},
		{"as Java writes", text, []lz4.Option{lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)}, true},
		{"as franz-go writes", text, nil, true},
		{"block checksums", text, []lz4.Option{lz4.BlockSizeOption(lz4.Block64Kb), lz4.BlockChecksumOption(true)}, true},
		{"content size", text, []lz4.Option{lz4.SizeOption(uint64(len(text)))}, true},
		{"incompressible", randomBytes(200_000), []lz4.Option{lz4.BlockSizeOption(lz4.Block64Kb)}, true},
	} {
		src := frame(t, c.data, c.opts...)
		for _, room := range []int{0, 10, len(c.data), 2*len(c.data) + 10} {
			got, ok := appendLZ4(make([]byte, 0, room), src)
			if ok != c.fast || ok && !bytes.Equal(got, c.data) {
				t.Errorf("%s with room for %d: %d bytes, ok %v, want %d, %v", c.name, room, len(got), ok, len(c.data), c.fast)
			}
		}
		for cut := range min(len(src), 2000) {
			if _, ok := appendLZ4(nil, src[:cut]); ok && cut != len(src)-4 { // what remains may be without checksum
				t.Errorf("%s cut to %d of %d bytes was taken", c.name, cut, len(src))
			}
		}
	}
	two := append(frame(t, text), frame(t, text)...)
	if _, ok := appendLZ4(nil, two); ok {
		t.Error("two frames were taken for one")
	}
}

// What the fast way leaves alone is read or refused by the client's own.
func TestDecompress(t *testing.T) {
	text := []byte(strings.Repeat("some text that repeats ", 1000))
	p := NewBatchPool(FetchLimits{})
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		c, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		src, kind := text, kgo.CodecNone
		if c != nil {
			src, kind = c.Compress(new(bytes.Buffer), text)
		}
		got, err := p.Decompress(src, kind)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("codec %d: %d bytes, %v", kind, len(got), err)
		}
	}
	damaged := frame(t, text)
	damaged[20] ^= 0xff
	if _, err := p.Decompress(damaged[:len(damaged)-9], kgo.CodecLz4); err == nil {
		t.Error("a damaged frame was read")
	}
}

// FuzzLZ4: what the fast way takes is what the library reads.
func FuzzLZ4(f *testing.F) {
	f.Add(frame(f, []byte("hello hello hello hello hello")))
	f.Add(frame(f, []byte(strings.Repeat("abcdefgh", 20_000)), lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)))
	f.Add(frame(f, randomBytes(100), lz4.BlockChecksumOption(true)))
	f.Fuzz(func(t *testing.T, src []byte) {
		got, ok := appendLZ4(make([]byte, 0, 100), src)
		if !ok {
			return
		}
		want, err := io.ReadAll(lz4.NewReader(bytes.NewReader(src)))
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, the library reads %d", len(got), len(want))
		}
	})
}
