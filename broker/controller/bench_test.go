package controller_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/internal/vfs"
)

// BenchmarkStartAfterHistory changes 1,000 topics many times over and prints
// how long a start then takes: it must depend on the topics, not on the
// changes. The log that is replayed is at most one snapshot interval long.
func BenchmarkStartAfterHistory(b *testing.B) {
	for _, changes := range []int{10_000, 300_000} {
		b.Run(fmt.Sprint("changes=", changes), func(b *testing.B) {
			disk := vfs.NewMem()
			fill(b, disk, changes)
			for b.Loop() {
				n, err := startNode(disk, snapshotEvery, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				n.stop()
				b.StartTimer()
			}
		})
	}
}

const snapshotEvery = 1 << 20

// fill makes the changes from many goroutines, which share flushes.
func fill(b *testing.B, disk *vfs.Mem, changes int) {
	b.Helper()
	n, err := startNode(disk, snapshotEvery, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer n.stop()
	begin := time.Now()
	var wg sync.WaitGroup
	const clients = 200
	for c := range clients {
		wg.Go(func() {
			for i := range changes / clients {
				name := fmt.Sprint("topic-", c*5+i%5)
				if i < 5 {
					if _, err := n.CreateTopic(b.Context(), create(name), false); err != nil {
						b.Error(err)
					}
					continue
				}
				value := strconv.Itoa(i)
				err := n.AlterConfigs(b.Context(), controller.Resource{Type: controller.TopicResource, Name: name},
					[]controller.ConfigChange{{Name: "retention.ms", Op: controller.SetConfig, Value: &value}}, func(string) string { return "" }, false)
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.Logf("%d changes in %v", changes, time.Since(begin))
}
