package transforms

import (
	"fmt"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/javamap"
)

// describe is Java's ConnectRecord.toString, for errors that show a record.
func describe(r *connect.Record) string {
	var sb strings.Builder
	if isSink(r) {
		fmt.Fprintf(&sb, "SinkRecord{kafkaOffset=%d, timestampType=%s, originalTopic=%s, originalKafkaPartition=%d, originalKafkaOffset=%d} ",
			r.Offset, r.TimestampType, r.OriginalTopic, r.OriginalPartition, r.Offset)
	} else {
		partition, offset := map[string]any(nil), map[string]any(nil)
		if r.SourcePartition != nil {
			partition = r.SourcePartition.Fields()
		}
		if r.SourceOffset != nil {
			offset = r.SourceOffset.OffsetMap()
		}
		fmt.Fprintf(&sb, "SourceRecord{sourcePartition=%s, sourceOffset=%s} ", javamap.Text(partition), javamap.Text(offset))
	}
	fmt.Fprintf(&sb, "ConnectRecord{topic='%s', kafkaPartition=%s, key=%s, keySchema=%s, value=%s, valueSchema=%s, timestamp=%s, headers=ConnectHeaders(headers=",
		r.Topic, unless(r.Partition == connect.NoPartition, r.Partition), r.Key, r.KeySchema, r.Value, r.ValueSchema,
		unless(r.Timestamp == connect.NoTimestamp, r.Timestamp))
	if len(r.Headers) > 0 {
		parts := make([]string, len(r.Headers))
		for i, h := range r.Headers {
			parts[i] = fmt.Sprintf("ConnectHeader(key=%s, value=%s, schema=%s)", h.Key, h.Value, h.Schema)
		}
		sb.WriteString("[" + strings.Join(parts, ", ") + "]")
	}
	sb.WriteString(")}")
	return sb.String()
}

func unless(null bool, v any) string {
	if null {
		return "null"
	}
	return fmt.Sprint(v)
}
