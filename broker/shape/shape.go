// Package shape checks that bytes have the shape of a Kafka message before they
// are decoded.
//
// The generated decoders of kmsg go on counting when the bytes have ended: a
// frame of 40 bytes that announces four billion tagged fields keeps a processor
// busy for half a minute. Only the flexible versions (KIP-482) have tagged
// fields, so only they are checked; array lengths of the others are bounded by
// the bytes that are left.
//
// The layout of a message is not written down a second time: it is found out
// by changing one field after the other and looking
// at what the encoder makes of it.
package shape

import (
	"encoding/binary"
	"fmt"
)

// Message is what kmsg's requests and record values have in common.
type Message interface {
	AppendTo([]byte) []byte
}

// Layout is the layout of a message at one version. Safe for concurrent use.
type Layout struct{ nodes []node }

// Check says what is wrong with an encoding, nil if nothing is. Bytes after the
// message are allowed.
func (l *Layout) Check(data []byte) error {
	r := reader{src: data}
	r.fields(l.nodes)
	return r.err(data)
}

// SkipTags returns what follows the tagged fields that data begins with.
func SkipTags(data []byte) (rest []byte, err error) {
	r := reader{src: data}
	r.tags(&node{})
	return r.src, r.err(data)
}

// node is one field on the wire.
type node struct {
	kind   kind
	size   int    // of fixed
	fields []node // of structs and of array elements
	tagged map[uint32][]node
}

type kind int8

const (
	fixed    kind = iota // size bytes
	text                 // compact string or bytes, nullable or not
	array                // compact array, nullable or not
	optional             // int8 that is negative for null, then a struct
	inline               // a struct
	tags                 // tagged fields
)

// reader walks over an encoding.
type reader struct {
	src []byte
	bad string
}

func (r *reader) err(data []byte) error {
	if r.bad == "" {
		return nil
	}
	return fmt.Errorf("at byte %d of %d: %s", len(data)-len(r.src), len(data), r.bad)
}

func (r *reader) fail(format string, args ...any) {
	if r.bad == "" {
		r.bad = fmt.Sprintf(format, args...)
	}
}

func (r *reader) uvarint() int {
	n, used := binary.Uvarint(r.src)
	if used <= 0 || used > 5 || n > 1<<32-1 {
		r.fail("no length")
		return 0
	}
	r.src = r.src[used:]
	return int(n)
}

func (r *reader) skip(n int) {
	if n > len(r.src) {
		r.fail("%d bytes are announced, %d are left", n, len(r.src))
		return
	}
	r.src = r.src[n:]
}

func (r *reader) fields(nodes []node) {
	for i := range nodes {
		if r.bad != "" {
			return
		}
		r.field(&nodes[i])
	}
}

func (r *reader) field(n *node) {
	switch n.kind {
	case fixed:
		r.skip(n.size)
	case text:
		r.skip(max(r.uvarint()-1, 0))
	case array:
		r.array(n)
	case optional:
		if len(r.src) == 0 {
			r.fail("the bytes end before a struct")
			return
		}
		null := int8(r.src[0]) < 0
		if r.skip(1); !null {
			r.fields(n.fields)
		}
	case inline:
		r.fields(n.fields)
	case tags:
		r.tags(n)
	}
}

func (r *reader) array(n *node) {
	count := r.uvarint() - 1
	if count > len(r.src) { // no element is shorter than a byte
		r.fail("an array of %d elements is announced, %d bytes are left", count, len(r.src))
		return
	}
	if len(n.fields) == 1 && n.fields[0].kind == fixed {
		r.skip(max(count, 0) * n.fields[0].size)
		return
	}
	for range count {
		if r.bad != "" {
			return
		}
		r.fields(n.fields)
	}
}

func (r *reader) tags(n *node) {
	count := r.uvarint()
	if count > len(r.src)/2 { // none is shorter than its key and its size
		r.fail("%d tagged fields are announced, %d bytes are left", count, len(r.src))
		return
	}
	for range count {
		key, size := r.uvarint(), r.uvarint()
		if r.bad != "" {
			return
		}
		content := r.src
		if r.skip(size); r.bad != "" {
			return
		}
		if inner, ok := n.tagged[uint32(key)]; ok {
			in := reader{src: content[:size]}
			if in.fields(inner); in.bad != "" {
				r.fail("in tagged field %d: %s", key, in.bad)
				return
			}
		}
	}
}
