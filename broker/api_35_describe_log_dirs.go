package broker

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// DescribeLogDirs (35), versions 1-4: sizes by log dir and partition. v4 total
// and usable bytes of the volume (KIP-827), -1 where unknown.

func (b *Broker) describeLogDirs(_ context.Context, r *request, req *kmsg.DescribeLogDirsRequest) kmsg.Response {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	for _, d := range b.store.Dirs() {
		rd := kmsg.NewDescribeLogDirsResponseDir()
		rd.Dir, rd.TotalBytes, rd.UsableBytes = d.Path, -1, -1
		if d.Offline != nil {
			rd.ErrorCode = kerr.KafkaStorageError.Code
		} else if total, usable, err := b.diskSpace(d.Path); err == nil {
			rd.TotalBytes, rd.UsableBytes = total, usable
		}
		resp.Dirs = append(resp.Dirs, rd)
	}
	for _, p := range b.store.Partitions() {
		tp := p.TopicPartition()
		if tp == metadataPartition || !asked(req, tp) {
			continue
		}
		rp := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		rp.Partition, rp.Size = tp.Partition, p.Size()
		dir := &resp.Dirs[p.Dir()]
		if n := len(dir.Topics); n == 0 || dir.Topics[n-1].Topic != tp.Topic {
			rt := kmsg.NewDescribeLogDirsResponseDirTopic()
			rt.Topic = tp.Topic
			dir.Topics = append(dir.Topics, rt)
		}
		last := &dir.Topics[len(dir.Topics)-1]
		last.Partitions = append(last.Partitions, rp)
	}
	return resp
}

// diskSpace asks for the volume of a log dir.
func (b *Broker) diskSpace(path string) (total, usable int64, err error) {
	var fsys any = vfs.OS{}
	if b.cfg.FS != nil {
		fsys = b.cfg.FS
	}
	volume, ok := fsys.(interface {
		DiskSpace(path string) (total, usable int64, err error)
	})
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return volume.DiskSpace(path)
}

// asked says whether a request names the partition; null topics name all.
func asked(req *kmsg.DescribeLogDirsRequest, tp logstore.TopicPartition) bool {
	return req.Topics == nil || slices.ContainsFunc(req.Topics, func(t kmsg.DescribeLogDirsRequestTopic) bool {
		return t.Topic == tp.Topic && (len(t.Partitions) == 0 || slices.Contains(t.Partitions, tp.Partition))
	})
}
