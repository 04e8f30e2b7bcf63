package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// groups is what the look for Java workers needs of Kafka.
type groups interface {
	DescribeGroups(ctx context.Context, ids ...string) (kadm.DescribedGroups, error)
}

// Pauses between looks at a group whose coordinator does not answer.
const (
	lookPause    = 100 * time.Millisecond
	maxLookPause = time.Second
)

// noJavaWorkers returns an error if workers of Java's Kafka Connect are alive in the
// group: they share the internal topics with this worker, so both would run every
// task. It asks until ctx ends; where it cannot know, it warns once and returns nil,
// since a worker needs no other permission on the group.
func noJavaWorkers(ctx context.Context, kafka groups, group string, log *slog.Logger) error {
	for pause := lookPause; ; pause = min(2*pause, maxLookPause) {
		members, err := connectMembers(ctx, kafka, group)
		if len(members) > 0 {
			return javaWorkers(group, members)
		}
		if err == nil {
			return nil
		}
		if mayPass(err) && waits(ctx, pause) {
			continue
		}
		log.Warn("cannot see whether Java workers run in the group: if so, every task runs twice; DESCRIBE on the group lets this worker see",
			"group", group, "err", err)
		return nil
	}
}

// connectMembers returns the live members of a group if it is Kafka Connect's.
func connectMembers(ctx context.Context, kafka groups, group string) ([]kadm.DescribedGroupMember, error) {
	described, err := kafka.DescribeGroups(ctx, group)
	if err != nil {
		return nil, err
	}
	g := described[group]
	switch {
	case errors.Is(g.Err, kerr.GroupIDNotFound): // as of DescribeGroups version 6
		return nil, nil
	case g.Err != nil:
		return nil, g.Err
	case g.ProtocolType != "connect":
		return nil, nil
	}
	return g.Members, nil
}

func javaWorkers(group string, members []kadm.DescribedGroupMember) error {
	m := members[0]
	who := fmt.Sprintf("%s at %s", m.ClientID, strings.TrimPrefix(m.ClientHost, "/"))
	if java, ok := m.Join.AsConnect(); ok && java.URL != "" {
		who += " (" + java.URL + ")"
	}
	return fmt.Errorf("group.id %s: %d Kafka Connect worker(s) of Java are alive in this group, for example %s: they and this worker would "+
		"each run every task. Stop them, wait until Kafka has dropped them from the group (their session.timeout.ms, 10 s by default), "+
		"and start this worker again; or give this worker a group.id and storage topics of its own", group, len(members), who)
}

// mayPass reports whether asking again may help: not where Kafka refused for good.
func mayPass(err error) bool {
	var refused *kerr.Error
	return !errors.As(err, &refused) || refused.Retriable
}

// waits pauses; false when ctx has ended.
func waits(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
