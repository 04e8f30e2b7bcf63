package main

// rows are what is compared, in the order of the printed table. Targets are for
// this product on a small machine of two cores.
func (m *match) rows() []row {
	cache, sync := pageCache.mode(), fsync.mode()
	return []row{
		{name: "start", mode: "existing folder", cold: true, measure: m.starts, figures: []figure{
			{key: "start", what: "start: exec to first Metadata", unit: "s", target: 0.15, lower: true},
			{key: "first", what: "start on an empty folder", unit: "s", target: 1, lower: true},
			{key: "idle", what: "idle memory (VmRSS)", unit: "MB", target: 50, lower: true},
		}},
		{name: "produce-1k", mode: cache + ", batches of 900 kB, 4 connections, 5 in flight", measure: m.bulk(1024), limitOf: "raw receive and write", figures: []figure{
			{key: "cpu", what: "produce 1 KiB records: CPU", unit: "s/GB", target: 0.8, lower: true, limit: "raw"},
			{key: "rate", what: "produce 1 KiB records", unit: "MB/s", target: 2, ofPeer: true},
			{key: "peak", what: "memory under produce load (VmHWM)", unit: "MB", target: 200, lower: true},
		}},
		{name: "produce-100", mode: cache + ", batches of 900 kB, 4 connections, 5 in flight", measure: m.bulk(100), limitOf: "raw receive and write", figures: []figure{
			{key: "cpu", what: "produce 100 B records: CPU", unit: "s/GB", target: 1, lower: true, limit: "raw"},
			{key: "rate", what: "produce 100 B records", unit: "MB/s", target: 2, ofPeer: true},
			{key: "records", what: "produce 100 B records", unit: "records/s"},
		}},
		{name: "fetch", mode: cache + ", batches of 16 KiB, 2 consumers, 1 MiB a partition", measure: m.fetch, limitOf: "raw sendfile", figures: []figure{
			{key: "cpu", what: "fetch from page cache: CPU", unit: "s/GB", target: 0.2, lower: true, limit: "raw"},
			{key: "rate", what: "fetch from page cache", unit: "MB/s", target: 1, ofPeer: true},
		}},
		{name: "one", mode: cache + ", 100 B records", measure: m.single(1, 1, pageCache), figures: []figure{
			{key: "p50", what: "1 producer, 1 in flight: p50", unit: "ms", target: 0.1, lower: true},
			{key: "p99", what: "1 producer, 1 in flight: p99", unit: "ms", target: 0.2, lower: true},
			{key: "acks", what: "1 producer, 1 in flight", unit: "acks/s"},
			{key: "cpu", what: "1 producer, 1 in flight: CPU", unit: "us/ack", lower: true},
		}},
		{name: "sixteen", mode: cache + ", 100 B records, 16 partitions", measure: m.single(16, 16, pageCache), figures: []figure{
			{key: "acks", what: "16 producers, 1 in flight each", unit: "acks/s", target: 45_000},
			{key: "p99", what: "16 producers, 1 in flight each: p99", unit: "ms", lower: true},
			{key: "cpu", what: "16 producers, 1 in flight each: CPU", unit: "us/ack", lower: true},
		}},
		{name: "endtoend", mode: cache + ", 100 B records", measure: m.endToEnd, limitOf: "raw relay beside it", figures: []figure{
			{key: "p50", what: "end to end at 1,000/s: p50", unit: "ms", lower: true, limit: "raw p50"},
			{key: "p99", what: "end to end at 1,000/s: p99", unit: "ms", target: 0.5, lower: true, limit: "raw p99"},
			{key: "p999", what: "end to end at 1,000/s: p99.9", unit: "ms", lower: true, limit: "raw p999"},
		}},
		{name: "fsync-one", mode: sync + ", 100 B records", measure: m.single(1, 1, fsync), limitOf: "raw loop, 1 file", figures: []figure{
			{key: "acks", what: "fsync, 1 producer", unit: "acks/s", target: 4000, limit: "raw"},
			{key: "p50", what: "fsync, 1 producer: p50", unit: "ms", lower: true, limit: "raw p50"},
			{key: "p99", what: "fsync, 1 producer: p99", unit: "ms", lower: true, limit: "raw p99"},
		}},
		{name: "fsync-16-1", mode: sync + ", 100 B records", measure: m.single(16, 1, fsync), limitOf: "raw loop, 1 file", figures: []figure{
			{key: "acks", what: "fsync, 16 producers, 1 partition", unit: "acks/s", target: 20_000, limit: "raw"},
			{key: "p50", what: "fsync, 16 producers, 1 partition: p50", unit: "ms", lower: true, limit: "raw p50"},
			{key: "p99", what: "fsync, 16 producers, 1 partition: p99", unit: "ms", target: 3, lower: true, limit: "raw p99"},
		}},
		{name: "fsync-16-16", mode: sync + ", 100 B records", measure: m.single(16, 16, fsync), limitOf: "raw loop, 16 files", figures: []figure{
			{key: "acks", what: "fsync, 16 producers, 16 partitions", unit: "acks/s", target: 0.6, ofLimit: true, limit: "raw"},
			{key: "p50", what: "fsync, 16 producers, 16 partitions: p50", unit: "ms", lower: true, limit: "raw p50"},
			{key: "p99", what: "fsync, 16 producers, 16 partitions: p99", unit: "ms", target: 1.5, ofLimit: true, lower: true, limit: "raw p99"},
		}},
		{name: "polls", mode: cache + ", max wait 500 ms", measure: m.polls, figures: []figure{
			{key: "core", what: "1,000 partitions, 200 long polls", unit: "% of core", target: 2, lower: true},
			{key: "answers", what: "1,000 partitions, 200 long polls: answered", unit: "answers/s"},
		}},
		{name: "restart", mode: cache, cold: true, measure: m.restart, figures: []figure{
			{key: "produce", what: "SIGKILL with 5 GB of logs: to first produce", unit: "s", target: 2, lower: true},
			{key: "metadata", what: "SIGKILL with 5 GB of logs: to first Metadata", unit: "s", lower: true},
		}},
		{name: "many", mode: cache, cold: true, measure: m.many, figures: []figure{
			{key: "create", what: "10,000 partitions: create", unit: "s", lower: true},
			{key: "start", what: "10,000 partitions: start", unit: "s", lower: true},
			{key: "memory", what: "10,000 partitions: memory (VmRSS)", unit: "MB", lower: true},
		}},
	}
}
