package event

import (
	"strconv"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// Names of the headers of a key change.
const (
	NewKeyHeader = "__debezium.newkey"
	OldKeyHeader = "__debezium.oldkey"
)

const headerBlock = 2048

// Headers gives records the context headers of Debezium
// (extended.headers.enabled). Every record gets headers of its own, which
// transforms may change, from blocks that are never reused. The zero value gives
// none. It is not safe for concurrent use.
type Headers struct {
	context []connect.Header
	block   []connect.Header // free part
}

// NewHeaders returns the headers of one run of a task. run is its unique id.
func NewHeaders(logicalName, connector string, task int, run string) *Headers {
	h := &Headers{}
	for _, p := range [][2]string{{"connectorLogicalName", logicalName}, {"taskId", strconv.Itoa(task)},
		{"connectorName", connector}, {"runId", run}} {
		h.context = append(h.context, connect.Header{Key: "__debezium.context." + p[0], Schema: data.StringSchema, Value: data.String(p[1])})
	}
	return h
}

// Set gives r the extra headers and then those of the context.
func (h *Headers) Set(r *connect.Record, extra ...connect.Header) {
	n := len(extra) + len(h.context)
	if n == 0 {
		return
	}
	if len(h.block) < n {
		h.block = make([]connect.Header, headerBlock)
	}
	own := h.block[:n:n]
	h.block = h.block[n:]
	copy(own[copy(own, extra):], h.context)
	r.Headers = own
}
