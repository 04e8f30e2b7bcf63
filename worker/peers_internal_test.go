package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// answers are what a group coordinator says in turn; the last one goes on.
type answers struct {
	asked int
	list  []answer
}

type answer struct {
	group kadm.DescribedGroup
	err   error
}

func (a *answers) DescribeGroups(_ context.Context, ids ...string) (kadm.DescribedGroups, error) {
	next := a.list[min(a.asked, len(a.list)-1)]
	a.asked++
	return kadm.DescribedGroups{ids[0]: next.group}, next.err
}

func TestNoJavaWorkers(t *testing.T) {
	java := answer{group: kadm.DescribedGroup{ProtocolType: "connect", Members: []kadm.DescribedGroupMember{{ClientID: "c", ClientHost: "/10.0.0.5"}}}}
	empty := answer{group: kadm.DescribedGroup{ProtocolType: "connect"}}
	loading := answer{group: kadm.DescribedGroup{Err: kerr.CoordinatorLoadInProgress}}
	down := answer{err: errors.New("connection refused")}
	forbidden := answer{err: &kadm.AuthError{Err: kerr.GroupAuthorizationFailed}}
	tests := []struct {
		name   string
		list   []answer
		asked  int
		refuse bool
		warn   bool
		waits  bool // for the whole time
	}{
		{name: "alive", list: []answer{java}, asked: 1, refuse: true},
		{name: "dead", list: []answer{empty}, asked: 1},
		{name: "none", list: []answer{{group: kadm.DescribedGroup{Err: kerr.GroupIDNotFound}}}, asked: 1},
		{name: "alive once loaded", list: []answer{loading, down, java}, asked: 3, refuse: true},
		{name: "forbidden", list: []answer{forbidden}, asked: 1, warn: true},
		{name: "no coordinator", list: []answer{loading}, asked: 14, warn: true, waits: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
				defer cancel()
				var log bytes.Buffer
				kafka := &answers{list: test.list}
				err := noJavaWorkers(ctx, kafka, "g", slog.New(slog.NewTextHandler(&log, nil)))
				if (err != nil) != test.refuse {
					t.Errorf("error = %v, want one: %v", err, test.refuse)
				}
				if err != nil && !strings.Contains(err.Error(), "c at 10.0.0.5") {
					t.Errorf("error = %q, names no member", err)
				}
				if got := strings.Count(log.String(), "level=WARN"); got != map[bool]int{true: 1}[test.warn] {
					t.Errorf("%d warnings, want one: %v\n%s", got, test.warn, log.String())
				}
				if kafka.asked != test.asked {
					t.Errorf("asked %d times, want %d", kafka.asked, test.asked)
				}
				if test.waits != (ctx.Err() != nil) {
					t.Errorf("time is over: %v, want %v", ctx.Err() != nil, test.waits)
				}
			})
		})
	}
}
