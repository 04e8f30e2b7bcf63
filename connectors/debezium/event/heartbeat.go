package event

import (
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

var (
	heartbeatKey = data.NewStruct("io.debezium.connector.common.ServerNameKey").Version(1).
			Field("serverName", data.StringSchema).Build()
	heartbeatValue = data.NewStruct("io.debezium.connector.common.Heartbeat").Version(1).
			Field("ts_ms", data.Int64Schema).Build()
)

// Heartbeat says when heartbeats are due and what they look like
// (heartbeat.interval.ms). The zero value never beats.
type Heartbeat struct {
	Topic    string
	Server   string // topic.prefix
	Interval time.Duration
	last     time.Time
}

// Due reports whether a heartbeat is due, and if so takes it as sent.
func (h *Heartbeat) Due(now time.Time) bool {
	if h.Interval <= 0 {
		return false
	}
	if h.last.IsZero() {
		h.last = now
	}
	if now.Sub(h.last) < h.Interval {
		return false
	}
	h.last = now
	return true
}

// Enabled reports whether heartbeats are on.
func (h *Heartbeat) Enabled() bool { return h.Interval > 0 }

// Fill makes r a heartbeat.
func (h *Heartbeat) Fill(r *connect.Record, now time.Time) {
	h.last = now
	key, value := r.Arena().Struct(heartbeatKey), r.Arena().Struct(heartbeatValue)
	key.Set(0, data.String(h.Server))
	value.Set(0, data.Int64(now.UnixMilli()))
	r.Topic, r.Partition = h.Topic, 0
	r.KeySchema, r.Key = heartbeatKey, data.StructOf(key)
	r.ValueSchema, r.Value = heartbeatValue, data.StructOf(value)
}
