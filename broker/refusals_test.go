package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// What Kafka 4.3.1 answered to the same bytes, where clients depend on it.

func metadataOf(name string, create bool) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = create
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	req.Topics = append(req.Topics, t)
	return req
}

// A topic that Metadata creates is in a later answer; one that was deleted is
// not back in the answer that says so.
func TestMetadataCreatesInBackground(t *testing.T) {
	w := newWire(t, brokertest.Start(t, nil))
	for i, version := range []int16{1, 4, 12} {
		name := fmt.Sprintf("auto-%d", i)
		look := func() kmsg.MetadataResponseTopic {
			return ask[*kmsg.MetadataResponse](w, metadataOf(name, true), version).Topics[0]
		}
		appears := func() {
			t.Helper()
			first := look()
			wantCode(t, "the first answer", first.ErrorCode, kerr.UnknownTopicOrPartition)
			if len(first.Partitions) != 0 {
				t.Errorf("version %d shows partitions of an unknown topic: %+v", version, first)
			}
			for deadline := time.Now().Add(testTime); ; {
				if mt := look(); mt.ErrorCode == 0 && len(mt.Partitions) == 1 && mt.Partitions[0].Leader == 1 {
					return
				} else if time.Now().After(deadline) {
					t.Fatalf("version %d: the topic does not appear: %+v", version, mt)
				}
			}
		}
		appears()
		del := kmsg.NewPtrDeleteTopicsRequest()
		del.TopicNames, del.TimeoutMillis = []string{name}, 10000
		wantCode(t, "deleting", ask[*kmsg.DeleteTopicsResponse](w, del, 4).Topics[0].ErrorCode, nil)
		appears()
	}
	for _, name := range []string{"not created", "missing"} {
		mt := ask[*kmsg.MetadataResponse](w, metadataOf(name, false), 12).Topics[0]
		want := kerr.UnknownTopicOrPartition
		if strings.Contains(name, " ") {
			want = kerr.InvalidTopicException
		}
		wantCode(t, name, mt.ErrorCode, want)
	}
}

// A refused update names one feature, and is the whole answer.
func TestUpdateFeaturesRefusals(t *testing.T) {
	w := newWire(t, brokertest.Start(t, nil))
	good := kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 1}
	for _, tc := range []struct {
		update kmsg.UpdateFeaturesRequestFeatureUpdate
		text   string
	}{
		{kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "no.such", MaxVersionLevel: 1, UpgradeType: 1}, "Invalid update version 1 for feature no.such. Local controller 1 does not support this feature."},
		{kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "group.version", MaxVersionLevel: 9, UpgradeType: 1}, "Invalid update version 9 for feature group.version. Local controller 1 only supports versions 0-1"},
		{kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "transaction.version", MaxVersionLevel: 1, UpgradeType: 1}, "Invalid update version 1 for feature transaction.version. Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."},
		{kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 7}, "Invalid update version 1 for feature group.version. The controller does not support the given upgrade type."},
		{kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: "group.version", MaxVersionLevel: -1, UpgradeType: 2}, "Invalid update version -1 for feature group.version. A feature version cannot be less than 0."},
	} {
		for version := int16(1); version <= 2; version++ {
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{tc.update, good}
			resp := ask[*kmsg.UpdateFeaturesResponse](w, req, version)
			wantCode(t, tc.text, resp.ErrorCode, kerr.InvalidUpdateVersion)
			want := "The update failed for all features since the following feature had an error: " + tc.text
			if resp.ErrorMessage == nil || *resp.ErrorMessage != want || len(resp.Results) != 0 {
				t.Errorf("version %d answered %+v, want the message %q and no results", version, resp, want)
			}
		}
	}
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{good}
	if resp := ask[*kmsg.UpdateFeaturesResponse](w, req, 1); resp.ErrorCode != 0 || len(resp.Results) != 1 {
		t.Errorf("an update that changes nothing answered %+v", resp)
	}
}

// What a version must name, or is told, differs: SyncGroup has to name the
// protocol from version 5 on, OffsetCommit hears of unknown groups from 9 on.
func TestGroupVersionBoundaries(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	id := create(t, w, "t")
	findCoordinator(t, w, 0, "g")

	for version, want := range []*kerr.Error{0: kerr.UnknownMemberID, 4: kerr.UnknownMemberID, 5: kerr.InconsistentGroupProtocol} {
		if want == nil {
			continue
		}
		req := kmsg.NewPtrSyncGroupRequest()
		req.Group, req.MemberID, req.Generation = "g", "nobody", 1
		got := ask[*kmsg.SyncGroupResponse](w, req, int16(version)).ErrorCode
		wantCode(t, fmt.Sprintf("SyncGroup %d without protocol", version), got, want)
	}
	for version := int16(2); version <= 10; version++ {
		want := kerr.IllegalGeneration
		if version >= 9 {
			want = kerr.GroupIDNotFound
		}
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.MemberID, req.Generation = "none", "nobody", 1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1}}}}
		got := ask[*kmsg.OffsetCommitResponse](w, req, version).Topics[0].Partitions[0].ErrorCode
		wantCode(t, fmt.Sprintf("OffsetCommit %d to an unknown group", version), got, want)
	}
}

// JoinGroup 0 has no rebalance timeout: the session timeout stands in. Later
// versions say it, and who says 0 has no time to sync.
func TestJoinGroupRebalanceTimeout(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	w := newWire(t, b)
	findCoordinator(t, w, 0, "g")
	for version := int16(0); version <= 3; version++ {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.ProtocolType, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = fmt.Sprintf("g%d", version), "consumer", 10000, 0
		req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		joined := ask[*kmsg.JoinGroupResponse](w, req, version)
		wantCode(t, "joining", joined.ErrorCode, nil)
		if version > 0 {
			waitForState(t, w, req.Group, "Empty")
		}
		sync := kmsg.NewPtrSyncGroupRequest()
		sync.Group, sync.MemberID, sync.Generation = req.Group, joined.MemberID, joined.Generation
		want := kerr.UnknownMemberID
		if version == 0 {
			want = nil
		}
		wantCode(t, fmt.Sprintf("syncing after JoinGroup %d", version), ask[*kmsg.SyncGroupResponse](w, sync, 0).ErrorCode, want)
	}
}

func waitForState(t *testing.T, w *wire, group, want string) {
	t.Helper()
	for deadline := time.Now().Add(testTime); ; {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = []string{group}
		state := ask[*kmsg.DescribeGroupsResponse](w, req, 5).Groups[0].State
		if state == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("group %s is %s, want %s", group, state, want)
		}
	}
}
