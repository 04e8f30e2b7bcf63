package event

import (
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

func TestTopicName(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{[]string{"shop", "public", "orders"}, "shop.public.orders"},
		{[]string{"shop", "public", "Odd Name"}, "shop.public.Odd_Name"},
		{[]string{"s", "\u00e9"}, "s._"},
		{[]string{strings.Repeat("x", 300)}, strings.Repeat("x", 249)},
		{[]string{"."}, "_"},
	} {
		if got := TopicName(".", c.parts...); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestAvroName(t *testing.T) {
	for _, c := range []struct {
		unicode bool
		in      string
		want    string
	}{
		{false, "my-shop.public.a b.Value", "my_shop.public.a_b.Value"},
		{false, "1x", "_x"},
		{true, "a-b.c", "a_u002db.c"},
	} {
		if got := AvroName(c.unicode)(c.in); got != c.want {
			t.Errorf("%q gives %q, want %q", c.in, got, c.want)
		}
	}
}

func TestHeartbeatDue(t *testing.T) {
	h := Heartbeat{Interval: time.Second}
	start := time.Unix(100, 0)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {999 * time.Millisecond, false}, {time.Second, true}, {1500 * time.Millisecond, false}, {2 * time.Second, true}} {
		if got := h.Due(start.Add(c.after)); got != c.want {
			t.Errorf("after %s: due %v, want %v", c.after, got, c.want)
		}
	}
	if (&Heartbeat{}).Due(start) {
		t.Error("a heartbeat without interval is due")
	}
}

// TestHeadersAreOwn: a transform may change the headers of one record.
func TestHeadersAreOwn(t *testing.T) {
	h := NewHeaders("shop", "postgresql", 0, "run")
	b := connect.NewBatch(0, 0, nil)
	for range 2 {
		h.Set(b.Add(), connect.Header{Key: "x", Schema: data.StringSchema, Value: data.String("1")})
	}
	b.Records[0].Headers[1].Key = "changed"
	b.Records[0].Headers = append(b.Records[0].Headers, connect.Header{Key: "more"})
	got := b.Records[1].Headers
	if len(got) != 5 || got[0].Key != "x" || got[1].Key != "__debezium.context.connectorLogicalName" || got[4].Value.Str() != "run" {
		t.Errorf("headers of the second record: %v", got)
	}
}
