package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
)

func (f *franz) createTopic(ctx context.Context, a *args) (*result, error) {
	configs := map[string]*string{}
	for k, v := range a.Configs {
		configs[k] = kadm.StringPtr(v)
	}
	_, err := f.admin.CreateTopic(ctx, a.Partitions, 1, configs, a.Topic)
	return &result{}, err
}

func (f *franz) deleteTopic(ctx context.Context, a *args) (*result, error) {
	_, err := f.admin.DeleteTopic(ctx, a.Topic)
	return &result{}, err
}

func (f *franz) topics(ctx context.Context, _ *args) (*result, error) {
	topics, err := f.admin.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	res := &result{Topics: map[string]int32{}}
	for _, t := range topics {
		res.Topics[t.Topic] = int32(len(t.Partitions))
	}
	return res, topics.Error()
}

func (f *franz) addPartitions(ctx context.Context, a *args) (*result, error) {
	rs, err := f.admin.UpdatePartitions(ctx, int(a.Partitions), a.Topic)
	if err == nil {
		err = rs.Error()
	}
	return &result{}, err
}

func (f *franz) configs(ctx context.Context, a *args) (*result, error) {
	rs, err := f.admin.DescribeTopicConfigs(ctx, a.Topic)
	if err != nil {
		return nil, err
	}
	c, err := rs.On(a.Topic, nil)
	if err != nil {
		return nil, err
	}
	res := &result{Configs: map[string]string{}}
	for _, e := range c.Configs {
		res.Configs[e.Key] = e.MaybeValue()
	}
	return res, c.Err
}

func (f *franz) setConfigs(ctx context.Context, a *args) (*result, error) {
	var alter []kadm.AlterConfig
	for k, v := range a.Configs {
		alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: kadm.StringPtr(v)})
	}
	for _, k := range a.Unset {
		alter = append(alter, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: k})
	}
	rs, err := f.admin.AlterTopicConfigs(ctx, alter, a.Topic)
	if err != nil {
		return nil, err
	}
	r, err := rs.On(a.Topic, nil)
	if err == nil {
		err = r.Err
	}
	return &result{}, err
}

func (f *franz) deleteRecords(ctx context.Context, a *args) (*result, error) {
	os := kadm.Offsets{}
	for p, o := range a.Offsets {
		os.AddOffset(a.Topic, p, o, -1)
	}
	rs, err := f.admin.DeleteRecords(ctx, os)
	if err != nil {
		return nil, err
	}
	res := &result{Offsets: map[int32]int64{}}
	for _, r := range rs.Sorted() {
		res.Offsets[r.Partition] = r.LowWatermark
	}
	return res, rs.Error()
}

func (f *franz) offsets(ctx context.Context, a *args) (*result, error) {
	var (
		os  kadm.ListedOffsets
		err error
	)
	switch {
	case a.At == "earliest":
		os, err = f.admin.ListStartOffsets(ctx, a.Topic)
	case a.At == "latest" && a.Committed:
		os, err = f.admin.ListCommittedOffsets(ctx, a.Topic)
	case a.At == "latest":
		os, err = f.admin.ListEndOffsets(ctx, a.Topic)
	case a.At == "max_timestamp":
		os, err = f.admin.ListMaxTimestampOffsets(ctx, a.Topic)
	default:
		var ms int64
		if ms, err = strconv.ParseInt(a.At, 10, 64); err != nil {
			return nil, err
		}
		os, err = f.admin.ListOffsetsAfterMilli(ctx, ms, a.Topic)
	}
	if err != nil {
		return nil, err
	}
	res := &result{Offsets: map[int32]int64{}}
	os.Each(func(o kadm.ListedOffset) { res.Offsets[o.Partition] = o.Offset })
	return res, os.Error()
}

func (f *franz) groups(ctx context.Context, _ *args) (*result, error) {
	gs, err := f.admin.ListGroups(ctx)
	if err != nil {
		return nil, err
	}
	res := &result{Groups: map[string]string{}}
	for _, g := range gs {
		res.Groups[g.Group] = g.State
	}
	return res, nil
}

func (f *franz) group(ctx context.Context, a *args) (*result, error) {
	if a.Protocol == "consumer" {
		return f.group848(ctx, a)
	}
	gs, err := f.admin.DescribeGroups(ctx, a.Group)
	if err != nil {
		return nil, err
	}
	g, err := gs.On(a.Group, nil)
	if err != nil {
		return nil, err
	}
	res := &result{State: g.State, Assignor: g.Protocol}
	for _, m := range g.Members {
		out := member{}
		if m.InstanceID != nil {
			out.Instance = *m.InstanceID
		}
		if c, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range c.Topics {
				out.Assigned = append(out.Assigned, t.Partitions...)
			}
		}
		slices.Sort(out.Assigned)
		res.Members = append(res.Members, out)
	}
	return res, g.Err
}

func (f *franz) group848(ctx context.Context, a *args) (*result, error) {
	gs, err := f.admin.DescribeConsumerGroups(ctx, a.Group)
	if err != nil {
		return nil, err
	}
	g := gs[a.Group]
	res := &result{State: g.State, Assignor: g.AssignorName}
	for _, m := range g.Members {
		out := member{}
		if m.InstanceID != nil {
			out.Instance = *m.InstanceID
		}
		for _, partitions := range m.Assignment {
			for p := range partitions {
				out.Assigned = append(out.Assigned, p)
			}
		}
		slices.Sort(out.Assigned)
		res.Members = append(res.Members, out)
	}
	return res, g.Err
}

func (f *franz) committed(ctx context.Context, a *args) (*result, error) {
	os, err := f.admin.FetchOffsets(ctx, a.Group)
	if err != nil {
		return nil, err
	}
	res := &result{Offsets: map[int32]int64{}}
	os.Each(func(o kadm.OffsetResponse) { res.Offsets[o.Partition] = o.At })
	return res, os.Error()
}

func (f *franz) setCommitted(ctx context.Context, a *args) (*result, error) {
	os := kadm.Offsets{}
	for p, o := range a.Offsets {
		os.AddOffset(a.Topic, p, o, -1)
	}
	return &result{}, f.admin.CommitAllOffsets(ctx, a.Group, os)
}

func (f *franz) deleteGroup(ctx context.Context, a *args) (*result, error) {
	_, err := f.admin.DeleteGroup(ctx, a.Group)
	return &result{}, err
}

func (f *franz) evict(ctx context.Context, a *args) (*result, error) {
	rs, err := f.admin.LeaveGroup(ctx, kadm.LeaveGroup(a.Group).InstanceIDs(a.Instances...))
	if err == nil {
		err = rs.Error()
	}
	return &result{}, err
}

func (f *franz) transactions(ctx context.Context, _ *args) (*result, error) {
	ts, err := f.admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	res := &result{Groups: map[string]string{}}
	for _, t := range ts {
		res.Groups[t.TxnID] = t.State
	}
	return res, nil
}
