package group

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
)

// Config is the coordinator's part of server.properties.
type Config struct {
	MinSessionTimeout     time.Duration // group.min.session.timeout.ms
	MaxSessionTimeout     time.Duration // group.max.session.timeout.ms
	InitialRebalanceDelay time.Duration // group.initial.rebalance.delay.ms
	MaxSize               int           // group.max.size
	OffsetRetention       time.Duration // offsets.retention.minutes
	RetentionCheck        time.Duration // offsets.retention.check.interval.ms
	MetadataMaxBytes      int           // offset.metadata.max.bytes
	ConsumerMaxSize       int           // group.consumer.max.size
	Migration             Migration     // group.consumer.migration.policy
	RegexRefresh          time.Duration // group.consumer.regex.refresh.interval.ms
	Assignors             []string      // group.consumer.assignors, the default first
	// ConsumerSession and ConsumerHeartbeat are the timings of KIP-848 groups,
	// which a group may override.
	ConsumerSession   func(group string) time.Duration
	ConsumerHeartbeat func(group string) time.Duration
	Counters          *Counters // nil for none
	// Topics returns the present metadata.
	Topics func() Topics
}

// newMemberJoinTimeout bounds how long a member that never completed a join
// may stay parked: its client may have gone without a word.
const newMemberJoinTimeout = 5 * time.Minute

// Client is who sent a request.
type Client struct {
	ID   string
	Host string // as Kafka prints it: "/10.0.0.1"
}

// Shard is the state of one partition of __consumer_offsets.
type Shard struct {
	cfg    Config
	groups map[string]*Group
	// pending says which groups a producer's open transaction touches.
	pending map[int64]map[string]bool
	// ending are producers whose marker is written by the running round.
	ending  map[int64]int
	seq     uint64 // counts offset records
	cleanup coordinator.Timer
}

var _ coordinator.State = (*Shard)(nil)

// NewShard returns an empty shard.
func NewShard(cfg Config) *Shard {
	if cfg.Counters == nil {
		cfg.Counters = &Counters{}
	}
	return &Shard{cfg: cfg, groups: map[string]*Group{}, pending: map[int64]map[string]bool{}, ending: map[int64]int{}}
}

func (s *Shard) nextSeq() uint64 { s.seq++; return s.seq }

// Loaded arms the timers of what was replayed: every member has a whole
// session to come back.
func (s *Shard) Loaded(tx *coordinator.Tx) {
	for _, g := range s.groups {
		for _, m := range g.members {
			s.resetSession(tx, g, m)
		}
		if g.consumer != nil {
			for _, m := range g.consumer.members {
				s.armConsumer(tx, g, m)
			}
		}
	}
	s.scheduleCleanup(tx)
}

// Abandon answers everything that is parked.
func (s *Shard) Abandon(err error) {
	code := errorCode(err)
	for _, g := range s.groups {
		for _, m := range g.members {
			m.abandon(code)
		}
	}
}

// errorCode maps a failed commit of records to what clients are told: look
// the coordinator up again or try again.
func errorCode(err error) int16 {
	if errors.Is(err, coordinator.ErrStopped) {
		return kerr.NotCoordinator.Code
	}
	return kerr.CoordinatorNotAvailable.Code
}

// group returns the group of that id, made if need be.
func (s *Shard) group(tx *coordinator.Tx, id string) *Group {
	g := s.groups[id]
	if g == nil {
		g = newGroup(id, tx.Now)
		s.groups[id] = g
	}
	return g
}
