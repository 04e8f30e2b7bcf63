package cli

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// typed are the forms in which keys, values and values of headers are binary: those
// of the serializers that come with Kafka's Java client. size is in bytes, -1 any.
var typed = map[string]struct {
	size int
	text func(b []byte) string
}{
	"short":   {2, func(b []byte) string { return num(int16(binary.BigEndian.Uint16(b))) }},
	"int":     {4, func(b []byte) string { return num(int32(binary.BigEndian.Uint32(b))) }},
	"long":    {8, func(b []byte) string { return num(int64(binary.BigEndian.Uint64(b))) }},
	"float":   {4, func(b []byte) string { return float(float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 32) }},
	"double":  {8, func(b []byte) string { return float(math.Float64frombits(binary.BigEndian.Uint64(b)), 64) }},
	"boolean": {1, func(b []byte) string { return strconv.FormatBool(b[0] != 0) }},
	"hex":     {-1, hex.EncodeToString},
}

func float(v float64, bits int) string { return strconv.FormatFloat(v, 'g', -1, bits) }

// recordTypes are how the parts of records are read; "" is text.
type recordTypes struct{ key, value, header string }

func (t *recordTypes) bind(c *cobra.Command) {
	known := slices.Sorted(maps.Keys(typed))
	for _, x := range []struct {
		flag, what string
		name       *string
	}{{"key-type", "keys", &t.key}, {"value-type", "values", &t.value}, {"header-type", "values of headers", &t.header}} {
		c.Flags().StringVar(x.name, x.flag, "", "how "+x.what+" are read if they are not text: "+strings.Join(known, ", "))
		complete(c, x.flag, known...)
	}
}

func (t *recordTypes) check() error {
	for flag, name := range map[string]string{"--key-type": t.key, "--value-type": t.value, "--header-type": t.header} {
		if _, known := typed[name]; name != "" && !known {
			return usagef("%s %s: expected one of %s", flag, name, strings.Join(slices.Sorted(maps.Keys(typed)), ", "))
		}
	}
	return nil
}

// read returns the record with its parts as text.
func (t *recordTypes) read(r *kgo.Record) (*kgo.Record, error) {
	if *t == (recordTypes{}) {
		return r, nil
	}
	out := *r
	out.Headers = slices.Clone(r.Headers)
	err := typedText("the key", t.key, &out.Key)
	if err == nil {
		err = typedText("the value", t.value, &out.Value)
	}
	for i := range out.Headers {
		if err == nil {
			err = typedText("header "+out.Headers[i].Key, t.header, &out.Headers[i].Value)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s-%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return &out, nil
}

// typedText replaces bytes by the text that they mean; null stays null.
func typedText(what, name string, b *[]byte) error {
	if name == "" || *b == nil {
		return nil
	}
	form := typed[name]
	if form.size >= 0 && len(*b) != form.size {
		return &refusedError{fmt.Sprintf("%s has %d bytes, expected %d for %s", what, len(*b), form.size, name)}
	}
	*b = []byte(form.text(*b))
	return nil
}
