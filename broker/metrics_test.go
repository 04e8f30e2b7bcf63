package broker_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

func TestMetrics(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "m", 10)
	c := client(t, b, kgo.ConsumeTopics("m"), kgo.ConsumerGroup("g"))
	consume(t, ctx, c, 10)
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "gone", 20)
	if _, err := admin(t, b).DeleteTopic(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	transact(t, ctx, client(t, b, kgo.TransactionalID("tx"), kgo.AllowAutoTopicCreation()), true, "tt", 0, 1)
	for complete := false; !complete; { // markers follow the answer
		txns, err := admin(t, b).DescribeTransactions(ctx, "tx")
		if err != nil {
			t.Fatal(err)
		}
		complete = txns["tx"].State == "CompleteCommit"
	}
	c.Close() // its polls would be counted while they are gathered
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(b.Collector())
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got, shown := map[string]float64{}, map[string]bool{}
	for _, f := range families {
		shown[f.GetName()] = true
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"kafka_server_brokertopicmetrics_messagesin_total/m":            10,
		"kafka_log_log_logendoffset/0/m":                                10,
		"kafka_server_groupcoordinatormetrics_group_count/classic":      1,
		"kafka_server_groupcoordinatormetrics_offset_commit_count":      1,
		"kafka_coordinator_group_groupmetadatamanager_numoffsets":       1,
		"kafka_coordinator_transaction_transactionalids/CompleteCommit": 1,
		"kafka_server_brokertopicmetrics_bytesrejected_total/m":         0,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	const in = "kafka_server_brokertopicmetrics_messagesin_total/"
	sum := 20.0 // of the topic that is gone
	for name, n := range got {
		if topic, ok := strings.CutPrefix(name, in); ok && topic != "" && topic != "gone" {
			sum += n
		}
	}
	if got[in] != sum || sum < 30 {
		t.Errorf("messages into all topics: %v, want %v", got[in], sum)
	}
	for _, request := range []string{"InitProducerId", "FetchConsumer"} { // Kafka's names
		if got["kafka_network_requestmetrics_requests_total/"+request] == 0 {
			t.Errorf("no %s was counted", request)
		}
	}
	for _, request := range []string{"OffsetCommit", "EndTxn", "DeleteTopics"} {
		// These wait for a flush.
		if got["kafka_network_requestmetrics_remotetimems_total/"+request] <= 0 {
			t.Errorf("%s waited for nothing", request)
		}
	}
	if in, out := got["kafka_server_brokertopicmetrics_bytesin_total/m"], got["kafka_server_brokertopicmetrics_bytesout_total/m"]; in == 0 || out < in {
		t.Errorf("bytes in = %v, out = %v", in, out)
	}
	for _, stage := range []string{"requestqueuetimems", "localtimems", "remotetimems", "responsequeuetimems", "responsesendtimems"} {
		if v := got["kafka_network_requestmetrics_"+stage+"_total/Fetch"]; v < 0 {
			t.Errorf("%s of Fetch = %v", stage, v)
		}
	}
	total, parts := got["kafka_network_requestmetrics_totaltimems_total/Fetch"], 0.0
	for _, stage := range []string{"requestqueuetimems", "localtimems", "remotetimems", "responsequeuetimems", "responsesendtimems"} {
		parts += got["kafka_network_requestmetrics_"+stage+"_total/Fetch"]
	}
	if total <= 0 || parts < 0.99*total || parts > 1.01*total {
		t.Errorf("the stages of Fetch add up to %v ms of %v", parts, total)
	}
	for _, name := range []string{"kafka_network_socketserver_networkprocessoravgidlepercent", "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent"} {
		if v := got[name]; v < 0 || v > 1 {
			t.Errorf("%s = %v, want a share", name, v)
		}
	}
	checkMetricDocs(t, shown)
}

// checkMetricDocs compares what is shown with the broker's part of the page.
func checkMetricDocs(t *testing.T, shown map[string]bool) {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(page), "## Broker")
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(part, -1) {
		told[m[1]] = true
	}
	for name := range shown {
		if !told[name] {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
	}
	for name := range told {
		if !shown[name] {
			t.Errorf("%s is in docs/metrics.md, but nothing shows it", name)
		}
	}
}
