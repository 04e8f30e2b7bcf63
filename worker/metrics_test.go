package worker_test

import (
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leat-project/leat/worker/model"
)

func TestMetrics(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("src", sourceConfig("in", "a|b"))
	n.create("snk", sinkConfig("in", file))
	n.await("src", model.Running, model.Running)
	n.await("snk", model.Running, model.Running)
	eventually(t, "both are written", func() bool { return len(lines(t, file)) == 2 })
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(n.worker.Collector())
	want := map[string]float64{"kafka_connect_source_task_source_record_write_total": 2, "kafka_connect_sink_task_sink_record_send_total": 2,
		"kafka_connect_worker_task_count": 2, "kafka_connect_sink_task_partition_count": 1}
	eventually(t, "the metrics say so", func() bool {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, f := range families {
			v, ok := want[f.GetName()]
			if ok && f.GetMetric()[0].GetGauge().GetValue()+f.GetMetric()[0].GetCounter().GetValue() == v {
				right++
			}
		}
		return right == len(want)
	})
}
