package jdbc

import (
	"crypto/md5"
	"fmt"

	"github.com/leat-project/leat/connect/data"
)

// placeholders recognizes values that the source did not send because an update
// left them alone (TOAST): the value kind for it, and what stands for it once a
// record has been through a converter.
type placeholders struct {
	text string
	uuid string // of uuid[] columns
}

func newPlaceholders(text string) *placeholders {
	// The name-based UUID of the text, as java.util.UUID.nameUUIDFromBytes.
	h := md5.Sum([]byte(text))
	h[6] = h[6]&0x0f | 0x30
	h[8] = h[8]&0x3f | 0x80
	return &placeholders{text: text, uuid: fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:])}
}

func (p *placeholders) is(v data.Value) bool {
	switch v.Kind() {
	case data.KindUnchanged:
		return true
	case data.KindString:
		s := v.Str()
		return len(s) == len(p.text) && s == p.text && s != ""
	case data.KindBytes, data.KindByteBuffer:
		b := v.Bytes()
		return len(b) == len(p.text) && string(b) == p.text && len(b) > 0
	case data.KindArray:
		return p.isArray(v.Array())
	case data.KindMap:
		m := v.Map()
		if m.Len() != 1 {
			return false
		}
		e := m.Entries()[0]
		return e.Key.Kind() == data.KindString && e.Key.Str() == p.text && p.is(e.Value)
	}
	return false
}

// isArray: one element of the text, its bytes or its uuid; or, for arrays of
// integers, one number for each byte of the text.
func (p *placeholders) isArray(elems []data.Value) bool {
	if len(elems) == 1 {
		e := elems[0]
		if e.Kind() == data.KindString && e.Str() == p.uuid {
			return true
		}
		if e.Kind() != data.KindArray && e.Kind() != data.KindMap && p.is(e) {
			return true
		}
	}
	if len(elems) != len(p.text) || len(elems) == 0 {
		return false
	}
	for i, e := range elems {
		if !e.IsInt() || e.Int() != int64(p.text[i]) {
			return false
		}
	}
	return true
}
