package broker_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

func TestMetrics(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "m", 10)
	consume(t, ctx, client(t, b, kgo.ConsumeTopics("m")), 10)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(b.Collector())
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"kafka_server_brokertopicmetrics_messagesin_total/m": 10,
		"kafka_log_log_logendoffset/0/m":                     10,
		"kafka_server_replicamanager_partitioncount":         1,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	if in, out := got["kafka_server_brokertopicmetrics_bytesin_total/m"], got["kafka_server_brokertopicmetrics_bytesout_total/m"]; in == 0 || out < in {
		t.Errorf("bytes in = %v, out = %v", in, out)
	}
}
