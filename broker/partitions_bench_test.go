package broker_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// BenchmarkManyPartitions makes 10,000 partitions in topics of 100 and stops
// and starts a broker with them. It prints how long the first thousand took and
// the last, and what the process holds. Run it with -benchtime=1x.
func BenchmarkManyPartitions(b *testing.B) {
	const topics, partitions = 100, 100
	for range b.N {
		srv := brokertest.Start(b, map[string]string{"log.dirs": b.TempDir()})
		cl := client(b, srv)
		ctx := b.Context()
		begin := time.Now()
		var first time.Duration
		for i := range topics {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.TimeoutMillis = 60000
			rt := kmsg.NewCreateTopicsRequestTopic()
			rt.Topic, rt.NumPartitions, rt.ReplicationFactor = fmt.Sprintf("topic-%03d", i), partitions, 1
			req.Topics = append(req.Topics, rt)
			resp, err := req.RequestWith(ctx, cl)
			if err != nil || resp.Topics[0].ErrorCode != 0 {
				b.Fatalf("creating %s: %v %+v", rt.Topic, err, resp)
			}
			if i == topics/10-1 {
				first = time.Since(begin)
			}
			if i == topics-topics/10-1 {
				b.ReportMetric(time.Since(begin).Seconds(), "s/first-9000")
			}
		}
		b.ReportMetric(first.Seconds(), "s/first-1000")
		b.ReportMetric(time.Since(begin).Seconds(), "s/all")
		b.ReportMetric(residentMB(b), "MB-created")
		begin = time.Now()
		srv.Stop()
		b.ReportMetric(time.Since(begin).Seconds(), "s/stop")
		begin = time.Now()
		srv.Restart()
		b.ReportMetric(time.Since(begin).Seconds(), "s/start")
		b.ReportMetric(residentMB(b), "MB-restarted")
	}
}

// residentMB is VmRSS of this process after a collection.
func residentMB(tb testing.TB) float64 {
	tb.Helper()
	runtime.GC()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	tb.Fatal("no VmRSS in /proc/self/status")
	return 0
}
