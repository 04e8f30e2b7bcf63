package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/leat-project/leat/internal/javamap"
)

// The offset file is one java.util.HashMap<byte[], byte[]> in Java's serialization
// (all numbers big-endian):
//
//	ac ed 00 05                                   stream magic, version 5
//	73 72 "java.util.HashMap" uid 03 00 02        object, class with writeObject, two fields
//	  'F' "loadFactor"  'I' "threshold"  78 70    end of class data, no superclass
//	  float loadFactor, int threshold
//	  77 08 int capacity, int size                block data
//	  size times: key, value                      each a byte[] or null (70)
//	78                                            end of the object
//
// A byte[] is 75 + class + int length + bytes, where class is 72 "[B" uid 02 00 00
// 78 70 the first time and a reference (71 00 7e 00 XX) after that.

const (
	hashMapUID   = 0x0507dac1c31660d1
	byteArrayUID = 0xacf317f8060854e0
	baseHandle   = 0x7e0000
	nullTag      = 0x70
)

func appendUTF(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendHashMap(dst []byte, m map[string][]byte) []byte {
	capacity := uint32(16)
	for len(m)*4 > int(capacity)*3 {
		capacity *= 2
	}
	dst = append(dst, 0xac, 0xed, 0, 5, 0x73, 0x72)
	dst = appendUTF(dst, "java.util.HashMap")
	dst = binary.BigEndian.AppendUint64(dst, hashMapUID)
	dst = append(dst, 3, 0, 2, 'F')
	dst = append(appendUTF(dst, "loadFactor"), 'I')
	dst = append(appendUTF(dst, "threshold"), 0x78, 0x70)
	dst = binary.BigEndian.AppendUint32(dst, math.Float32bits(0.75))
	dst = binary.BigEndian.AppendUint32(dst, capacity*3/4)
	dst = append(dst, 0x77, 8)
	dst = binary.BigEndian.AppendUint32(dst, capacity)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(m)))
	first := true
	array := func(b []byte) {
		if b == nil {
			dst = append(dst, nullTag)
			return
		}
		dst = append(dst, 0x75)
		if first {
			first = false
			dst = appendUTF(append(dst, 0x72), "[B")
			dst = binary.BigEndian.AppendUint64(dst, byteArrayUID)
			dst = append(dst, 2, 0, 0, 0x78, 0x70)
		} else {
			// Handles count class descriptions and objects: the map's class, the
			// map, then the class of arrays.
			dst = binary.BigEndian.AppendUint32(append(dst, 0x71), baseHandle+2)
		}
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
	}
	for _, k := range javamap.Order(m) {
		array([]byte(k))
		array(m[k])
	}
	return append(dst, 0x78)
}

// errSerial says that the file is not what it should be.
var errSerial = errors.New("not a serialized java.util.HashMap of byte arrays")

type serialReader struct{ b []byte }

func (r *serialReader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.b) {
		return nil, fmt.Errorf("%w: it ends early", errSerial)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out, nil
}

func (r *serialReader) expect(want []byte) error {
	got, err := r.take(len(want))
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return errSerial
	}
	return nil
}

func (r *serialReader) uint32() (int, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.BigEndian.Uint32(b))), nil
}

// parseHashMap reads what appendHashMap and Java write. An empty file is an empty map.
func parseHashMap(b []byte) (map[string][]byte, error) {
	m := map[string][]byte{}
	if len(b) == 0 {
		return m, nil
	}
	r := &serialReader{b}
	head := appendHashMap(nil, nil)
	if err := r.expect(head[:len(head)-19]); err != nil { // up to the fields' values
		return nil, err
	}
	if _, err := r.take(8); err != nil {
		return nil, err
	}
	if err := r.expect([]byte{0x77, 8}); err != nil {
		return nil, err
	}
	if _, err := r.take(4); err != nil {
		return nil, err
	}
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	for range n {
		k, err := r.array()
		if err != nil {
			return nil, err
		}
		v, err := r.array()
		if err != nil {
			return nil, err
		}
		m[string(k)] = v
	}
	return m, r.expect([]byte{0x78})
}

// array reads a byte[] or null.
func (r *serialReader) array() ([]byte, error) {
	tag, err := r.take(1)
	if err != nil || tag[0] == nullTag {
		return nil, err
	}
	if tag[0] != 0x75 {
		return nil, errSerial
	}
	if tag, err = r.take(1); err != nil {
		return nil, err
	}
	switch tag[0] {
	case 0x72:
		class := binary.BigEndian.AppendUint64(appendUTF(nil, "[B"), byteArrayUID)
		if err := r.expect(append(class, 2, 0, 0, 0x78, 0x70)); err != nil {
			return nil, err
		}
	case 0x71:
		if _, err := r.take(4); err != nil {
			return nil, err
		}
	default:
		return nil, errSerial
	}
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	return r.take(n)
}
