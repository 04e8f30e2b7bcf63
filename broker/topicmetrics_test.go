package broker

import "testing"

// A request that was on its way when its topic was deleted does not bring the
// topic's counters back.
func TestCountersOfDeletedTopics(t *testing.T) {
	there := true
	m := metrics{topics: map[string]*topicMetrics{}, exists: func(string) bool { return there }}
	m.topic("a").produces.Add(1)
	there = false
	m.forget("a")
	m.topic("a").produces.Add(1)
	if len(m.topics) != 0 || m.gone.produces.Load() != 2 {
		t.Errorf("%d topics are counted, %d requests of deleted ones; want 0 and 2", len(m.topics), m.gone.produces.Load())
	}
}
