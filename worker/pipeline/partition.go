package pipeline

import "github.com/twmb/franz-go/pkg/kgo"

// Partitioner sends a record that names its partition there and leaves the choice
// for others (Partition -1) to Java's default: murmur2 of the key, else sticky.
// batchBytes is the producer's batch.size.
func Partitioner(batchBytes int) kgo.Partitioner {
	return partitioner{kgo.UniformBytesPartitioner(max(batchBytes, 1), true, true, nil)}
}

type partitioner struct{ base kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{p.base.ForTopic(topic)}
}

type topicPartitioner struct{ base kgo.TopicPartitioner }

func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.base.RequiresConsistency(r)
}

func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition) // the client fails a record whose partition does not exist
	}
	return p.base.Partition(r, n)
}

// PartitionByBackup is what the adaptive partitioner is asked instead of Partition.
func (p *topicPartitioner) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	if b, ok := p.base.(kgo.TopicBackupPartitioner); ok {
		return b.PartitionByBackup(r, n, backup)
	}
	return p.base.Partition(r, n)
}
