package postgres

import (
	"maps"
	"strconv"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// txMetadata emits the begin and end of transactions
// (provide.transaction.metadata). Ids are "<txId>:<position of the operation>".
type txMetadata struct {
	on     bool
	counts event.Transactions
}

func (m *txMetadata) id(d *decoder) string {
	return strconv.FormatUint(d.txID, 10) + ":" + strconv.FormatUint(uint64(d.at), 10)
}

func (m *txMetadata) begin(d *decoder) error {
	m.on = d.t.cfg.TxMetadata
	if !m.on {
		return nil
	}
	m.counts.Topic = event.TopicName(d.t.cfg.Delimiter, d.t.cfg.Prefix, d.t.cfg.TransactionTopic)
	m.counts.Begin(m.record(d, "BEGIN"), m.id(d), time.UnixMicro(d.micros))
	return nil
}

func (m *txMetadata) end(d *decoder, _ wire.LSN) {
	if m.on {
		m.counts.End(m.record(d, "COMMIT"), m.id(d), time.UnixMicro(d.micros))
	}
}

func (m *txMetadata) record(d *decoder, message string) *connect.Record {
	r := d.b.Add()
	r.SourcePartition, r.SourceOffset = d.t.partition, d.position(message)
	return r
}

// event counts an event and returns the block for its envelope, null when off.
func (m *txMetadata) event(d *decoder, table string) data.Value {
	if !m.on {
		return data.Null
	}
	return m.counts.Event(d.b.Arena(), m.id(d), table)
}

// store adds the counts to an offset, as TransactionContext.store does.
func (m *txMetadata) store(p *position) {
	if m.on {
		p.txKey = strconv.FormatUint(p.txID, 10)
		p.txCounts = maps.Clone(m.counts.Counts())
	}
}

// messageValue shows a message's content as binary.handling.mode says.
func (t *Task) messageValue(content []byte) (*data.Schema, data.Value) {
	v := column.Binary(t.cfg.types.Binaries, content)
	if v.Kind() == data.KindBytes {
		return messageBytes, v
	}
	return messageText, v
}
