// Package recordbatch reads, checks and builds record batches of Kafka's message format 2, as they travel in
// Produce and Fetch and lie in log files. Batches stay opaque bytes: Batch is a view that reads header fields
// and stamps offsets in place; only Reader looks inside.
//
// Main types: Batch (header view), Validate and Rules (what a client may append), Reader (records of a batch,
// decompressed), Builder (the broker's own batches), Codec (compression), Error (what is wrong, as a Kind that
// maps to one Kafka error code).
//
// A batch, big endian (Kafka: DefaultRecordBatch):
//
//	 0  baseOffset            int64    stamped by the leader, not in the CRC
//	 8  batchLength           int32    bytes after this field: size - 12
//	12  partitionLeaderEpoch  int32    stamped by the leader, not in the CRC
//	16  magic                 int8     2
//	17  crc                   uint32   CRC-32C (Castagnoli) of bytes 21 to the end
//	21  attributes            int16    0-2 codec, 3 log append time, 4 transactional, 5 control,
//	                                   6 baseTimestamp is the delete horizon, others 0
//	23  lastOffsetDelta       int32
//	27  baseTimestamp         int64    ms
//	35  maxTimestamp          int64    ms
//	43  producerId            int64    -1 none
//	51  producerEpoch         int16    -1 none
//	53  baseSequence          int32    -1 none
//	57  recordCount           int32
//	61  records               one compressed stream, or plain
//
// A record; varints and varlongs are zigzag:
//
//	length varint of the rest | attributes int8 (0) | timestampDelta varlong | offsetDelta varint |
//	keyLength varint (-1 null) key | valueLength varint (-1 null) value |
//	headerCount varint, each: keyLength varint key | valueLength varint (-1 null) value
//
// A control record has key {version int16 0, type int16 (0 abort, 1 commit)} and, for transaction markers,
// value {version int16 0, coordinatorEpoch int32}.
//
// The package does no I/O and knows nothing of partitions, producers or topics.
package recordbatch
