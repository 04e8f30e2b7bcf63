package broker_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// Small things that real clients break on when they are missed.

func TestTrapApiVersions(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
	resp, err := pin(client(t, b), req, 3).Request(ctx)
	if err != nil {
		t.Fatal(err)
	}
	least := map[int16]int16{}
	for _, k := range resp.ApiKeys {
		least[k.ApiKey] = k.MinVersion
	}
	for _, key := range []int16{0, 10, 11, 12, 13, 14, 17} {
		if v, ok := least[key]; ok && v != 0 || !ok && key != 17 {
			t.Errorf("key %d is advertised from %d (%v), want from 0", key, v, ok)
		}
	}
	levels := map[string]int16{}
	for _, f := range resp.FinalizedFeatures {
		levels[f.Name] = f.MaxVersionLevel
	}
	if resp.FinalizedFeaturesEpoch < 0 || levels["transaction.version"] != 2 || levels["group.version"] != 1 {
		t.Errorf("finalized features = %v at epoch %d", levels, resp.FinalizedFeaturesEpoch)
	}
	for _, f := range resp.SupportedFeatures {
		if f.MinVersion == 0 {
			t.Errorf("version 3 shows %s from level 0, which old Java clients refuse", f.Name)
		}
	}
}

// With version 2 each end moves the epoch on, also that of an abort in which
// nothing was written; a repeated end gets the same answer.
func TestTrapEmptyAbortBumpsEpoch(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	p := newRawProducer(t, ctx, b, time.Minute)
	end := func(epoch int16, commit bool) *kmsg.EndTxnResponse {
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = "raw", p.id, epoch, commit
		for {
			resp, err := pin(p.cl, req, 5).Request(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if resp.ErrorCode != kerr.ConcurrentTransactions.Code {
				return resp
			}
		}
	}
	if r := end(p.epoch, true); r.ErrorCode != kerr.InvalidTxnState.Code {
		t.Errorf("committing nothing: %v, want INVALID_TXN_STATE", kerr.ErrorForCode(r.ErrorCode))
	}
	for range 2 {
		if r := end(p.epoch, false); r.ErrorCode != 0 || r.ProducerID != p.id || r.ProducerEpoch != p.epoch+1 {
			t.Fatalf("aborting nothing answered %+v, want epoch %d", r, p.epoch+1)
		}
	}
	if r := end(p.epoch-1, false); r.ErrorCode != kerr.ProducerFenced.Code {
		t.Errorf("an older epoch: %v, want PRODUCER_FENCED", kerr.ErrorForCode(r.ErrorCode))
	}
}

func TestTrapUnknownGroups(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "t", 1)
	cl := client(t, b)
	if _, err := kadm.NewClient(cl).FetchOffsets(ctx, "warm"); err != nil { // the coordinator comes up
		t.Fatal(err)
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Group = "none"
	ft := kmsg.NewOffsetFetchRequestTopic()
	ft.Topic, ft.Partitions = "t", []int32{0, 77}
	fetch.Topics = append(fetch.Topics, ft)
	offsets, err := pin(cl, fetch, 7).Request(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range offsets.Topics[0].Partitions {
		if offsets.ErrorCode != 0 || p.ErrorCode != 0 || p.Offset != -1 || p.Metadata == nil || *p.Metadata != "" {
			t.Errorf("offset of an unknown group = %+v (%d), want -1 and no error", p, offsets.ErrorCode)
		}
	}
	for version, want := range map[int16]int16{5: 0, 6: kerr.GroupIDNotFound.Code} {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = []string{"none"}
		resp, err := pin(cl, req, version).Request(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if g := resp.Groups[0]; g.ErrorCode != want || g.State != "Dead" {
			t.Errorf("describing in version %d: code %d, state %s; want %d, Dead", version, g.ErrorCode, g.State, want)
		}
	}
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{"warm"}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	if g := resp.Groups[0]; g.ErrorCode != kerr.GroupIDNotFound.Code {
		t.Errorf("ConsumerGroupDescribe of no consumer group: %d, want GROUP_ID_NOT_FOUND", g.ErrorCode)
	}
	acls := kmsg.NewPtrDescribeACLsRequest()
	acls.ResourceType, acls.Operation, acls.PermissionType, acls.ResourcePatternType = 1, 1, 1, 1
	described, err := acls.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	if described.ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("DescribeAcls without authorizer: %d, want SECURITY_DISABLED", described.ErrorCode)
	}
}

// Sequences go from 2147483647 to 0, and a batch that comes again is known.
func TestTrapSequenceWraps(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "tt", 1)
	p := newRawProducer(t, ctx, b, time.Minute)
	p.add("tt")
	const last = 1<<31 - 1
	if code := p.produce(9, "tt", last); code != 0 { // nothing is known of the producer: any sequence
		t.Fatalf("the first sequence: %v", kerr.ErrorForCode(code))
	}
	if code := p.produce(9, "tt", 0); code != 0 {
		t.Fatalf("the sequence after 2147483647: %v", kerr.ErrorForCode(code))
	}
	if code := p.produce(9, "tt", 2); code != kerr.OutOfOrderSequenceNumber.Code {
		t.Fatalf("a gap: %v, want OUT_OF_ORDER_SEQUENCE_NUMBER", kerr.ErrorForCode(code))
	}
	if code := p.produce(9, "tt", last); code != 0 {
		t.Fatalf("the first one repeated: %v", kerr.ErrorForCode(code))
	}
}
