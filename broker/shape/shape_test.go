package shape_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/shape"
)

// TestEveryRequest fills every request at every flexible version with random
// content: its encoding has the shape, whole and with something behind it, and
// no prefix of it has.
func TestEveryRequest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	checked := 0
	for key := range int16(93) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		for version := range req.MaxVersion() + 1 {
			if req.SetVersion(version); !req.IsFlexible() {
				continue
			}
			checked++
			layout := shape.Of(req, false)
			for range 20 {
				m := kmsg.RequestForKey(key)
				fill(rng, reflect.ValueOf(m).Elem(), 0)
				m.SetVersion(version)
				data := m.AppendTo(nil)
				if err := layout.Check(data); err != nil {
					t.Fatalf("%s v%d: %v: % x", kmsg.NameForKey(key), version, err, data)
				}
				for cut := range data {
					if len(data) > 200 && rng.IntN(10) > 0 {
						continue
					}
					if err := layout.Check(data[:cut]); err == nil {
						t.Fatalf("%s v%d: %d of %d bytes are accepted", kmsg.NameForKey(key), version, cut, len(data))
					}
				}
			}
		}
	}
	if checked < 60 {
		t.Fatalf("only %d versions are flexible", checked)
	}
}

// fill puts anything into fields.
func fill(rng *rand.Rand, v reflect.Value, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[kmsg.Tags]():
		if rng.IntN(4) == 0 {
			v.Addr().Interface().(*kmsg.Tags).Set(100+rng.Uint32N(50), []byte("xyz"))
		}
	case v.CanInt():
		v.SetInt(int64(rng.IntN(100)))
	case v.CanUint():
		v.SetUint(uint64(rng.IntN(100)))
	case v.CanFloat():
		v.SetFloat(rng.Float64())
	case v.Kind() == reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case v.Kind() == reflect.String:
		v.SetString(strings.Repeat("s", rng.IntN(5)))
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			fill(rng, v.Index(i), depth)
		}
	case v.Kind() == reflect.Slice:
		n := rng.IntN(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(rng, v.Index(i), depth+1)
		}
	case v.Kind() == reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem(), depth+1)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i), depth)
		}
	}
}

func TestValues(t *testing.T) {
	v := kmsg.NewTxnMetadataValue()
	v.Version, v.Topics = 1, []kmsg.TxnMetadataValueTopic{{Topic: "t", Partitions: []int32{1, 2}}}
	data := v.AppendTo(nil)
	if err := shape.Of(&v, true).Check(data); err != nil {
		t.Fatal(err)
	}
	if err := shape.Of(&v, true).Check(data[:len(data)-1]); err == nil {
		t.Fatal("accepted a value that is cut")
	}
}

// TestManyTags is a frame that would keep the decoder busy for long.
func TestManyTags(t *testing.T) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	data := req.AppendTo(nil)
	bomb := append(data[:len(data)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)
	err := shape.Of(req, false).Check(bomb)
	if err == nil || !strings.Contains(err.Error(), "tagged fields are announced") {
		t.Fatalf("error = %v", err)
	}
	nested := req
	nested.ReplicaState.ID = 5
	data = nested.AppendTo(nil)
	// count 1, key 1, size, replica id, epoch, count of tags: which becomes huge
	at := len(data) - 1
	data[at-13] += 4
	data = append(data[:at], 0xff, 0xff, 0xff, 0xff, 0x0f)
	if err := shape.Of(req, false).Check(data); err == nil || !strings.Contains(err.Error(), "in tagged field 1") {
		t.Fatalf("nested: error = %v, % x", err, data)
	}
}
