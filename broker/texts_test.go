package broker_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// TestErrorTexts: Kafka's tools print these, and people search for them.
func TestErrorTexts(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx, cl := testContext(t), client(t, b, kgo.AllowAutoTopicCreation())
	produce(t, ctx, cl, "orders", 1)
	reader := client(t, b, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("classic"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	consume(t, ctx, reader, 1)

	next := kmsg.NewPtrConsumerGroupDescribeRequest()
	next.Groups = []string{"nosuch", "classic"}
	described, err := next.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	classic := kmsg.NewPtrDescribeGroupsRequest()
	classic.Groups = []string{"nosuch"}
	old, err := classic.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	acls := kmsg.NewPtrDescribeACLsRequest()
	acls.ResourceType, acls.ResourcePatternType, acls.Operation, acls.PermissionType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	rules, err := acls.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		got        *string
	}{
		{"a missing group, described as a consumer group", "Group nosuch not found.", described.Groups[0].ErrorMessage},
		{"a classic group, described as a consumer group", "Group classic is not a consumer group.", described.Groups[1].ErrorMessage},
		{"a missing group, described as a classic one", "Group nosuch not found.", old.Groups[0].ErrorMessage},
		{"acls", "No Authorizer is configured on the broker", rules.ErrorMessage},
	} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s: the message is %v, want %q", c.name, c.got, c.want)
		}
	}
}
