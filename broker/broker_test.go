package broker_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/broker/brokertest"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestParseConfigRefuses(t *testing.T) {
	for _, tc := range []struct{ name, key, value, want string }{
		{"number", "num.partitions", "many", "num.partitions"},
		{"range", "num.partitions", "0", "at least 1"},
		{"boolean", "auto.create.topics.enable", "yes", "either true or false"},
		{"one of", "leat.flush.before.ack", "sometimes", "auto, always, never"},
		{"endpoint", "listeners", "127.0.0.1:9092", "NAME://HOST:PORT"},
		{"port", "listeners", "PLAINTEXT://h:99999", "65535"},
		{"every address", "listeners", "PLAINTEXT://0.0.0.0:9092", "advertised.listeners=PLAINTEXT://"},
		{"protocol", "listeners", "SSL://127.0.0.1:9093", "only PLAINTEXT"},
		{"authorizer", "authorizer.class.name", "x.Y", "authorizer.class.name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := broker.ParseConfig(map[string]string{tc.key: tc.value}, quiet())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestUnknownKeysAreIgnored(t *testing.T) {
	var log strings.Builder
	_, err := broker.ParseConfig(map[string]string{"no.such.key": "1"}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "no.such.key") {
		t.Fatalf("no warning: %s", log.String())
	}
}

func TestMissingMetadataIsNotReplaced(t *testing.T) {
	b := brokertest.Start(t, nil)
	produce(t, testContext(t), client(t, b, kgo.AllowAutoTopicCreation()), "kept", 1)
	b.Stop()
	if err := os.RemoveAll(filepath.Join(b.Dir(), "__cluster_metadata-0")); err != nil {
		t.Fatal(err)
	}
	cfg, err := broker.ParseConfig(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": b.Dir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broker.New(cfg, quiet()); err == nil || !strings.Contains(err.Error(), "__cluster_metadata-0") {
		t.Fatalf("error = %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.Dir(), "kept-0")); err != nil {
		t.Fatalf("the partition was touched: %v", err)
	}
}

func TestSecondBrokerOnTheSameFolder(t *testing.T) {
	b := brokertest.Start(t, nil)
	cfg, err := broker.ParseConfig(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": b.Dir()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broker.New(cfg, quiet()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Fatalf("error = %v", err)
	}
}

func TestTopicMadeAgain(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	for i := range 3 {
		produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "again", 5)
		if got := consume(t, ctx, client(t, b, kgo.ConsumeTopics("again")), 5); got[0].Offset != 0 || got[4].Offset != 4 {
			t.Fatalf("round %d: offsets %d to %d", i, got[0].Offset, got[4].Offset)
		}
		if resp, err := admin(t, b).DeleteTopics(ctx, "again"); err != nil || resp["again"].Err != nil {
			t.Fatalf("deleting: %v %v", err, resp["again"].Err)
		}
	}
}

func TestControllerListener(t *testing.T) {
	b := brokertest.Start(t, map[string]string{
		"listeners": "CONTROLLER://0.0.0.0:0,PLAINTEXT://127.0.0.1:0", "controller.listener.names": "CONTROLLER",
		"advertised.listeners": "CONTROLLER://127.0.0.1:0,PLAINTEXT://127.0.0.1:0",
	})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "data", 1)
	conn := client(t, b, kgo.SeedBrokers(b.ListenerAddr("CONTROLLER")))
	for _, tc := range []struct {
		kind int8
		want int16
	}{{1, kerr.MismatchedEndpointType.Code}, {2, 0}, {3, kerr.UnsupportedEndpointType.Code}} {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.EndpointType = tc.kind
		resp, err := conn.SeedBrokers()[0].Request(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		if code := resp.(*kmsg.DescribeClusterResponse).ErrorCode; code != tc.want {
			t.Errorf("endpoint type %d: code %d, want %d", tc.kind, code, tc.want)
		}
	}
	versions, err := conn.SeedBrokers()[0].Request(ctx, kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range versions.(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey == 0 || k.ApiKey == 1 {
			t.Errorf("the controller listener offers %s", kmsg.NameForKey(k.ApiKey))
		}
	}
}
