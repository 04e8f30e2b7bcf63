package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/IBM/sarama"
)

func (s *saram) createTopic(_ context.Context, a *args) (*result, error) {
	configs := map[string]*string{}
	for k, v := range a.Configs {
		configs[k] = &v
	}
	return &result{}, s.admin.CreateTopic(a.Topic, &sarama.TopicDetail{NumPartitions: a.Partitions, ReplicationFactor: 1, ConfigEntries: configs}, false)
}

func (s *saram) deleteTopic(_ context.Context, a *args) (*result, error) {
	return &result{}, s.admin.DeleteTopic(a.Topic)
}

func (s *saram) topics(context.Context, *args) (*result, error) {
	topics, err := s.admin.ListTopics()
	res := &result{Topics: map[string]int32{}}
	for name, t := range topics {
		res.Topics[name] = t.NumPartitions
	}
	return res, err
}

func (s *saram) addPartitions(_ context.Context, a *args) (*result, error) {
	return &result{}, s.admin.CreatePartitions(a.Topic, a.Partitions, nil, false)
}

func (s *saram) configs(_ context.Context, a *args) (*result, error) {
	entries, err := s.admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: a.Topic})
	res := &result{Configs: map[string]string{}}
	for _, e := range entries {
		res.Configs[e.Name] = e.Value
	}
	return res, err
}

func (s *saram) setConfigs(_ context.Context, a *args) (*result, error) {
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for k, v := range a.Configs {
		entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &v}
	}
	for _, k := range a.Unset {
		entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
	}
	return &result{}, s.admin.IncrementalAlterConfig(sarama.TopicResource, a.Topic, entries, false)
}

func (s *saram) deleteRecords(_ context.Context, a *args) (*result, error) {
	return &result{}, s.admin.DeleteRecords(a.Topic, a.Offsets)
}

func (s *saram) offsets(_ context.Context, a *args) (*result, error) {
	at := map[string]int64{"earliest": sarama.OffsetOldest, "latest": sarama.OffsetNewest, "max_timestamp": -3}
	when, ok := at[a.At]
	if !ok {
		ms, err := strconv.ParseInt(a.At, 10, 64)
		if err != nil {
			return nil, err
		}
		when = ms
	}
	topics, err := s.admin.DescribeTopics([]string{a.Topic})
	if err != nil {
		return nil, err
	}
	ask := map[int32]int64{}
	for _, p := range topics[0].Partitions {
		ask[p.ID] = when
	}
	opts := &sarama.ListOffsetsOptions{}
	if a.Committed {
		opts.IsolationLevel = sarama.ReadCommitted
	}
	got, err := s.admin.ListOffsets(map[string]map[int32]int64{a.Topic: ask}, opts)
	if err != nil {
		return nil, err
	}
	res := &result{Offsets: map[int32]int64{}}
	for p, o := range got[a.Topic] {
		if o.Err != nil && o.Err != sarama.ErrNoError {
			return nil, o.Err
		}
		res.Offsets[p] = o.Offset
	}
	return res, nil
}

func (s *saram) groups(context.Context, *args) (*result, error) {
	groups, err := s.admin.ListConsumerGroups()
	return &result{Groups: groups}, err
}

func (s *saram) group(_ context.Context, a *args) (*result, error) {
	gs, err := s.admin.DescribeConsumerGroups([]string{a.Group})
	if err != nil {
		return nil, err
	}
	g := gs[0]
	if g.Err != sarama.ErrNoError {
		return nil, g.Err
	}
	res := &result{State: g.State, Assignor: g.Protocol}
	for _, m := range g.Members {
		out := member{}
		if m.GroupInstanceId != nil {
			out.Instance = *m.GroupInstanceId
		}
		assigned, err := m.GetMemberAssignment()
		if err != nil {
			return nil, err
		}
		if assigned != nil {
			for _, ps := range assigned.Topics {
				out.Assigned = append(out.Assigned, ps...)
			}
		}
		slices.Sort(out.Assigned)
		res.Members = append(res.Members, out)
	}
	return res, nil
}

func (s *saram) committed(_ context.Context, a *args) (*result, error) {
	got, err := s.admin.ListConsumerGroupOffsets(a.Group, nil)
	if err != nil {
		return nil, err
	}
	res := &result{Offsets: map[int32]int64{}}
	for p, b := range got.Blocks[a.Topic] {
		if b.Err != sarama.ErrNoError {
			return nil, b.Err
		}
		res.Offsets[p] = b.Offset
	}
	return res, nil
}

func (s *saram) setCommitted(_ context.Context, a *args) (*result, error) {
	offsets := map[int32]sarama.OffsetAndMetadata{}
	for p, o := range a.Offsets {
		offsets[p] = sarama.OffsetAndMetadata{Offset: o, LeaderEpoch: -1}
	}
	got, err := s.admin.AlterConsumerGroupOffsets(a.Group, map[string]map[int32]sarama.OffsetAndMetadata{a.Topic: offsets}, nil)
	if err != nil {
		return nil, err
	}
	for p, e := range got.Errors[a.Topic] {
		if e != sarama.ErrNoError {
			return nil, fmt.Errorf("partition %d: %w", p, e)
		}
	}
	return &result{}, nil
}

func (s *saram) deleteGroup(_ context.Context, a *args) (*result, error) {
	return &result{}, s.admin.DeleteConsumerGroup(a.Group)
}

func (s *saram) evict(_ context.Context, a *args) (*result, error) {
	got, err := s.admin.RemoveMemberFromConsumerGroup(a.Group, a.Instances)
	if err != nil {
		return nil, err
	}
	for _, m := range got.Members {
		if m.Err != sarama.ErrNoError {
			return nil, m.Err
		}
	}
	return &result{}, nil
}

func (s *saram) cluster(context.Context, *args) (*result, error) {
	brokers, _, err := s.admin.DescribeCluster()
	res := &result{}
	for _, b := range brokers {
		res.Brokers = append(res.Brokers, b.Addr())
	}
	return res, err
}

func (s *saram) transactions(context.Context, *args) (*result, error) {
	admin, ok := s.admin.(interface {
		ListTransactions([]string, []int64, int64) ([]sarama.ListTransactionsResponseTransactionState, error)
	})
	if !ok {
		return nil, fmt.Errorf("sarama's admin client lists no transactions")
	}
	ts, err := admin.ListTransactions(nil, nil, -1)
	res := &result{Groups: map[string]string{}}
	for _, t := range ts {
		res.Groups[t.TransactionalID] = t.TransactionState
	}
	return res, err
}
