package shape

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Of finds out the layout of a message. m is a pointer to a kmsg struct whose
// Version is set and is a flexible one; it is not changed. versioned says that
// the encoding begins with the version, as it does in record values. This takes
// some hundred encodings: keep the result.
func Of(m Message, versioned bool) *Layout {
	t := reflect.TypeOf(m).Elem()
	probe := reflect.New(t)
	setDefaults(probe)
	probe.Elem().FieldByName("Version").Set(reflect.ValueOf(m).Elem().FieldByName("Version"))
	p := prober{encode: func() []byte { return probe.Interface().(Message).AppendTo(nil) }}
	l := &Layout{}
	if versioned {
		l.nodes = []node{{kind: fixed, size: 2}}
	}
	l.nodes = append(l.nodes, p.structure(probe.Elem())...)
	return l
}

// prober changes fields of one message and looks at its encoding.
type prober struct{ encode func() []byte }

var tagsType = reflect.TypeFor[kmsg.Tags]()

// structure returns the fields of a struct that lies within the message.
// Changes of one field that leave the length as it is are those of a field of
// fixed size; a field that is tagged adds its key and size to the encoding.
func (p prober) structure(s reflect.Value) []node {
	var out []node
	tagged := map[uint32][]node{}
	for i := range s.NumField() {
		f := s.Field(i)
		if s.Type().Field(i).Name == "Version" {
			continue
		}
		if f.Type() == tagsType {
			out = append(out, node{kind: tags, tagged: tagged})
			continue
		}
		if n, ok := p.field(f, tagged); ok {
			out = append(out, n)
		}
	}
	return out
}

func (p prober) field(f reflect.Value, tagged map[uint32][]node) (node, bool) {
	t := f.Type()
	switch {
	case t.Kind() == reflect.Struct:
		return p.inner(f, tagged)
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		return p.optional(f)
	case isText(t):
		l := p.lengths(f, reflect.Value{}, sample(t, 1), sample(t, 2))
		return node{kind: text}, l[1]-l[0] == 1 && l[2]-l[1] == 1
	case t.Kind() == reflect.Slice:
		return p.array(f)
	}
	before := p.encode()
	old := reflect.New(t).Elem()
	old.Set(f)
	bump(f)
	after := p.encode()
	f.Set(old)
	same := string(before) == string(after)
	return node{kind: fixed, size: int(t.Size())}, !same && len(before) == len(after)
}

// lengths encodes the message with f as it is (an invalid value) and with each
// of the other values.
func (p prober) lengths(f reflect.Value, values ...reflect.Value) (out [3]int) {
	old := reflect.New(f.Type()).Elem()
	old.Set(f)
	for i, v := range values {
		if v.IsValid() {
			f.Set(v)
		}
		out[i] = len(p.encode())
	}
	f.Set(old)
	return out
}

func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String ||
		t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// sample is a text of n bytes.
func sample(t reflect.Type, n int) reflect.Value {
	s := string(make([]byte, n))
	if t.Kind() == reflect.Pointer {
		return reflect.ValueOf(&s)
	}
	return reflect.ValueOf(s).Convert(t)
}

// bump changes a number, a truth value or an id.
func bump(f reflect.Value) {
	switch {
	case f.CanInt():
		f.SetInt(f.Int() + 1)
	case f.CanUint():
		f.SetUint(f.Uint() + 1)
	case f.CanFloat():
		f.SetFloat(f.Float() + 1)
	case f.Kind() == reflect.Bool:
		f.SetBool(!f.Bool())
	case f.Kind() == reflect.Array:
		bump(f.Index(0))
	default:
		panic(fmt.Sprintf("shape: no probe for a field of type %s", f.Type()))
	}
}

func (p prober) array(f reflect.Value) (node, bool) {
	one, two := reflect.MakeSlice(f.Type(), 1, 1), reflect.MakeSlice(f.Type(), 2, 2)
	for i := range 2 {
		setDefaults(two.Index(i).Addr())
	}
	setDefaults(one.Index(0).Addr())
	l := p.lengths(f, reflect.Value{}, one, two)
	if l[1] == l[0] || l[1]-l[0] != l[2]-l[1] {
		return node{}, false // absent, or tagged: those of requests hold no structs
	}
	elem := f.Type().Elem()
	switch {
	case isText(elem):
		return node{kind: array, fields: []node{{kind: text}}}, true
	case elem.Kind() != reflect.Struct:
		return node{kind: array, fields: []node{{kind: fixed, size: int(elem.Size())}}}, true
	}
	f.Set(one)
	defer f.SetZero()
	return node{kind: array, fields: p.structure(f.Index(0))}, true
}

func (p prober) optional(f reflect.Value) (node, bool) {
	null := len(p.encode())
	f.Set(reflect.New(f.Type().Elem()))
	defer f.SetZero()
	setDefaults(f)
	if len(p.encode()) == null {
		return node{}, false
	}
	return node{kind: optional, fields: p.structure(f.Elem())}, true
}

// inner is a struct within a struct. As a tagged field it is encoded only when
// it is not the default, so one number in it is changed first; its layout is
// noted under its key.
func (p prober) inner(f reflect.Value, tagged map[uint32][]node) (node, bool) {
	before := p.encode()
	bump(f.Field(0))
	after := p.encode()
	defer func() { f.SetZero(); setDefaults(f.Addr()) }()
	for i := range before {
		switch {
		case before[i] == after[i]:
			continue
		case len(before) == len(after):
			return node{kind: inline, fields: p.structure(f)}, true
		}
		key, _ := binary.Uvarint(after[i+1:]) // behind the count
		tagged[uint32(key)] = p.structure(f)
		break
	}
	return node{}, false
}

// setDefaults calls the Default method of what v points to, if it has one.
func setDefaults(v reflect.Value) {
	if d, ok := v.Interface().(interface{ Default() }); ok {
		d.Default()
	}
}
