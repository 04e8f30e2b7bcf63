package settings

import (
	"fmt"
	"strconv"
	"strings"
)

// Group is the table of GROUP resource keys (KIP-848 overrides).
var Group = newSet([]Def{
	{Name: "consumer.heartbeat.interval.ms", Type: Int, Default: "5000", Min: 1, Max: maxInt, Synonyms: same("group.consumer.heartbeat.interval.ms"),
		Doc: "How often members of a consumer group send heartbeats, in ms."},
	{Name: "consumer.session.timeout.ms", Type: Int, Default: "45000", Min: 1, Max: maxInt, Synonyms: same("group.consumer.session.timeout.ms"),
		Doc: "How long a silent member stays in a consumer group, in ms."},
})

// CheckGroupTogether validates the timings of a group against each other and
// against the broker's bounds. value gives those of the group, broker the
// broker's.
func CheckGroupTogether(value, broker func(name string) int64) error {
	for _, key := range []string{"consumer.heartbeat.interval.ms", "consumer.session.timeout.ms"} {
		base := strings.TrimPrefix(key, "consumer.")
		if least := "group.consumer.min." + base; value(key) < broker(least) {
			return fmt.Errorf("%s must be greater than or equal to %s", key, least)
		}
		if most := "group.consumer.max." + base; value(key) > broker(most) {
			return fmt.Errorf("%s must be less than or equal to %s", key, most)
		}
	}
	if value("consumer.session.timeout.ms") <= value("consumer.heartbeat.interval.ms") {
		return fmt.Errorf("consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms")
	}
	return nil
}

// threadKeys are numbers of threads, which may at most double or halve at a
// time.
var threadKeys = map[string]bool{
	"num.io.threads": true, "num.network.threads": true, "num.replica.fetchers": true,
	"num.recovery.threads.per.data.dir": true, "background.threads": true,
}

// CheckThreads validates a dynamic change of a number of threads.
func CheckThreads(name, old, next string) error {
	was, err := strconv.Atoi(strings.TrimSpace(old))
	n, err2 := strconv.Atoi(strings.TrimSpace(next))
	if err != nil || err2 != nil || n == was {
		return nil
	}
	if name == "log.cleaner.threads" {
		switch {
		case n < 1:
			return fmt.Errorf("Log cleaner threads should be at least 1")
		case n < was/2:
			return fmt.Errorf("Log cleaner threads cannot be reduced to less than half the current value %d", was)
		case n > was*2:
			return fmt.Errorf("Log cleaner threads cannot be increased to more than double the current value %d", was)
		}
		return nil
	}
	if !threadKeys[name] {
		return nil
	}
	failed := fmt.Sprintf("Dynamic thread count update validation failed for %s=%s", name, next)
	switch {
	case n < 1:
		return fmt.Errorf("%s, value should be at least 1", failed)
	case n < was/2:
		return fmt.Errorf("%s, value should be at least half the current value %d", failed, was)
	case n > was*2:
		return fmt.Errorf("%s, value should not be greater than double the current value %d", failed, was)
	}
	return nil
}
